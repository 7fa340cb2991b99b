"""Settings of a separator run: how the network is built, how songs are remixed, what an output is compared by."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from tonewheel.learn.recipe import FitRecipe, Recipe


class NetworkRecipe(Recipe):
    """Shape of the network."""

    channels: tuple[int, int, int, int, int] = Field(
        (16, 32, 64, 96, 128), description="at 1, 1/2, 1/4, 1/8 and 1/16 of the rows and frames"
    )
    convolutions: tuple[int, int, int, int] = Field(
        (1, 2, 2, 2), description="a level and direction, above the lowest"
    )
    row_squeeze: PositiveInt = Field(
        4, description="how much narrower the layer that sees all rows of a frame is"
    )
    wide: PositiveInt = Field(256, description="of the lowest level, where all rows and channels meet")
    dilations: tuple[int, ...] = Field((1, 2), description="over time, at the lowest level")


class MixRecipe(Recipe):
    """How examples are made of prepared stems; ranges from which each example draws."""

    clip_s: PositiveFloat = Field(5.944, description="of an example; 256 frames")
    together_share: float = Field(0.5, ge=0, le=1, description="of mixes whose stems are of one song")
    drop_share: float = Field(0.12, ge=0, le=1, description="chance of each stem to be absent")
    gain_db: float = Field(4.0, ge=0, description="spread (standard deviation) of a stem's gain")
    level_db: tuple[float, float] = Field((-30.0, -12.0), description="RMS of a mix, dB of full scale")
    mono_share: float = Field(0.3, ge=0, le=1, description="of mixes in mono")
    tone_db: float = Field(3.0, ge=0, description="spread of random shelves on a stem")
    semitones: int = Field(
        0,
        ge=0,
        le=12,
        description="a song, or a stem that is borrowed, is played up to so much faster or slower",
    )
    context_share: float = Field(
        0.5, ge=0, le=1, description="of mixes whose known context is told to the net"
    )


class LossRecipe(Recipe):
    """What an output is compared by."""

    quiet_db: float = Field(
        -13.0, description="error of a stem is measured by its energy plus that of the mix at this level"
    )
    bright_weight: float = Field(
        0.15, ge=0, le=1, description="of the same error with each octave above 500 Hz lifted by 6 dB"
    )


class StemsRecipe(Recipe):
    """Everything that decides a separator run; saved beside its checkpoint."""

    network: NetworkRecipe = NetworkRecipe()
    mix: MixRecipe = MixRecipe()
    loss: LossRecipe = LossRecipe()
    fit: FitRecipe = FitRecipe()
