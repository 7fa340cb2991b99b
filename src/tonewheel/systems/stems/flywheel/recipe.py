"""Settings of a flywheel run: the transformer's shape, and how it is fitted."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from tonewheel.learn.recipe import FitRecipe, Recipe


class TransformerRecipe(Recipe):
    """Shape of the transformer."""

    blocks: PositiveInt = Field(4, description="encoder blocks")
    heads: PositiveInt = Field(8, description="of attention; they divide the width")
    width: PositiveInt = Field(256, description="numbers a token")
    feed_forward: PositiveInt = Field(1024, description="numbers between the two layers of a block")
    token: PositiveInt = Field(16, description="neighbouring numbers of a family that make one token")
    dropout: float = Field(0.1, ge=0, lt=1, description="of what attention and the layers add")


class FlywheelRecipe(Recipe):
    """Everything that decides a run; saved beside its checkpoint."""

    transformer: TransformerRecipe = TransformerRecipe()
    epochs: PositiveInt = Field(50, description="times that every snapshot is seen, at most")
    patience_epochs: int = Field(
        8, ge=0, description="epochs without a better validation before the end; 0: never"
    )
    input_noise: float = Field(0.05, ge=0, description="deviations of noise that training adds to the inputs")
    fit: FitRecipe = Field(
        FitRecipe(weight_decay=0.0, warm_up_steps=0),
        description="steps, validation and patience are set from the epochs",
    )
