"""Settings of a hit classifier run: what it hears of a hit, how it is built, how hits are varied."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from tonewheel.learn.front_end import MelRecipe
from tonewheel.learn.recipe import FitRecipe, Recipe

Block = Literal["block1", "block2", "block3", "block4"]


class HitFrontEndRecipe(MelRecipe):
    """Log-mel of 0.47 s around an onset: 128 bands x 128 frames, a frame every 3.3 ms."""

    sample_rate_hz: PositiveInt = 44_100
    n_fft: PositiveInt = Field(2048, description="analysis window, samples")
    hop_samples: PositiveInt = Field(147, description="hop, samples: 300 frames/s at 44.1 kHz")
    n_mels: PositiveInt = 128
    f_min_hz: PositiveFloat = Field(30.0, description="the lowest kicks lie at 40 Hz")
    f_max_hz: PositiveFloat = 16_000.0
    floor: PositiveFloat = Field(1e-9, description="mel power of what counts as silence")
    frames: PositiveInt = 128
    lead_s: PositiveFloat = Field(
        0.06, description="what is heard before the onset: what rang on from earlier"
    )

    @property
    def samples(self) -> int:
        """Length of a clip.

        >>> HitFrontEndRecipe().samples / 44_100 > 0.46
        True
        """
        return self.n_fft + (self.frames - 1) * self.hop_samples

    @property
    def lead_samples(self) -> int:
        """Where the onset lies in a clip."""
        return round(self.lead_s * self.sample_rate_hz)


class HitNetworkRecipe(Recipe):
    """Shape of the classifier."""

    channels: tuple[int, int, int, int] = Field((32, 64, 128, 256), description="of the four blocks")
    dropout: float = Field(0.3, ge=0, lt=1)
    range_db: PositiveFloat = Field(70.0, description="what is further below the clip's peak is cut")


class ExampleRecipe(Recipe):
    """How hits are chosen and varied."""

    splits: tuple[Literal["train", "valid"], ...] = Field(
        ("train",), min_length=1, description="train; with valid too once all else is chosen"
    )
    balance: float = Field(0.6, ge=0, le=1, description="0: labels as often as there are hits; 1: all alike")
    synthetic_share: float = Field(0.3, ge=0, le=1, description="share of hits from synthesised kits")
    dataset_share: float = Field(
        0.5, ge=0, le=1, description="share from an exported dataset, if one is given"
    )
    jitter_s: float = Field(0.02, ge=0, description="how far off the onset may be, either way")
    tune_semitones: float = Field(2.0, ge=0, description="standard deviation of resampling; toms get half")
    second_share: float = Field(0.35, ge=0, le=1, description="share with another, quieter hit")
    second_db: tuple[float, float] = (-30.0, -6.0)
    bed_share: float = Field(0.35, ge=0, le=1, description="share with music under the hit")
    bed_db: tuple[float, float] = (-36.0, -6.0)
    room_share: float = Field(0.3, ge=0, le=1)
    codec_share: float = Field(0.04, ge=0, le=1, description="share through a codec: it is slow")
    mask_share: float = Field(0.3, ge=0, le=1, description="share with a band of the picture blanked")
    filter_share: float = Field(
        0.6, ge=0, le=1, description="share whose bands are raised and lowered at random, as by microphones"
    )
    filter_db: float = Field(8.0, ge=0, description="standard deviation of that gain")
    outlier_share: float = Field(0.25, ge=0, lt=1, description="share of a batch that is no drum")


class HitLossRecipe(Recipe):
    """What the outputs are compared with."""

    class_weight_power: float = Field(
        0.5, ge=0, description="a label's weight: its share to minus this power"
    )
    label_smoothing: float = Field(0.05, ge=0, lt=1)
    exposure_weight: float = Field(0.3, ge=0, description="no label may be sure of what is no drum")
    known_weight: float = Field(0.5, ge=0, description="of the drum-or-not output")
    velocity_weight: float = Field(3.0, ge=0)
    openness_weight: float = Field(3.0, ge=0)


class HitsRecipe(Recipe):
    """Everything that decides a classifier run; saved beside its checkpoint."""

    front_end: HitFrontEndRecipe = HitFrontEndRecipe()
    network: HitNetworkRecipe = HitNetworkRecipe()
    examples: ExampleRecipe = ExampleRecipe()
    loss: HitLossRecipe = HitLossRecipe()
    freeze: tuple[Block, ...] = Field((), description="blocks that keep the weights they start with")
    fit: FitRecipe = FitRecipe()
