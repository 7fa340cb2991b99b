"""Settings of a transcriber run: what it hears, how it is built, what music it is trained on."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from tonewheel.learn.front_end import MelRecipe
from tonewheel.learn.recipe import FitRecipe, Recipe


class FrontEndRecipe(MelRecipe):
    """Log-mel front end; frame f is centred on f / 100 s, and audio before the start counts as silence."""

    sample_rate_hz: PositiveInt = 44_100
    n_fft: PositiveInt = Field(2048, description="analysis window, samples")
    hop_samples: PositiveInt = Field(441, description="hop, samples: 100 frames/s at 44.1 kHz")
    n_mels: PositiveInt = 80
    f_min_hz: PositiveFloat = Field(30.0, description="the lowest kicks lie at 40 Hz")
    f_max_hz: PositiveFloat = 16_000.0
    floor: PositiveFloat = Field(1e-8, description="mel power of what counts as silence")


class NetworkRecipe(Recipe):
    """Shape of the transcriber."""

    channels: tuple[int, int, int, int] = Field((16, 32, 48, 64), description="of the four convolutions")
    width: PositiveInt = Field(160, description="features a frame, and size of the recurrent state")
    dilations: tuple[int, ...] = Field(
        (1, 2, 4), description="of the convolutions over time; they look ahead"
    )
    dropout: float = Field(0.15, ge=0, lt=1)
    range_db: PositiveFloat = Field(70.0, description="what is further below the level so far is cut")
    release_db_per_s: PositiveFloat = Field(3.0, description="how fast the level so far is forgotten")


class SceneRecipe(Recipe):
    """How drums are rendered and mixed."""

    clip_s: PositiveFloat = 6.0
    bed_share: float = Field(0.55, ge=0, le=1, description="share of clips with other music under the drums")
    drums_to_bed_db: tuple[float, float] = (-6.0, 15.0)
    bed_alone_share: float = Field(0.03, ge=0, le=1, description="share of clips without any drums")
    scatter_share: float = Field(0.06, ge=0, le=1, description="share of clips of hits at random times")
    mixed_kit_share: float = Field(0.6, ge=0, le=1, description="share of kits put together from several")
    synthetic_share: float = Field(0.2, ge=0, le=1, description="chance that a drum is a synthesised one")
    room_share: float = Field(0.7, ge=0, le=1)
    codec_share: float = Field(0.08, ge=0, le=1)


class LossRecipe(Recipe):
    """What the outputs are compared with."""

    positive_weight: PositiveFloat = Field(
        2.0, description="weight of frames with a hit in the cross-entropy"
    )
    half_width_frames: PositiveFloat = Field(2.0, description="a target is a triangle of this half width")
    label_weight: float = Field(0.2, ge=0, description="weight of telling apart the labels of a family")
    velocity_weight: float = Field(0.5, ge=0)


class DrumsRecipe(Recipe):
    """Everything that decides a transcriber run; saved beside its checkpoint."""

    front_end: FrontEndRecipe = FrontEndRecipe()
    network: NetworkRecipe = NetworkRecipe()
    scene: SceneRecipe = SceneRecipe()
    loss: LossRecipe = LossRecipe()
    fit: FitRecipe = FitRecipe()
