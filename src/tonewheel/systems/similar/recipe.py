"""Settings of a run of the similar system: what the encoder hears, how it is built, and what it learns from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from tonewheel.learn.front_end import MelRecipe
from tonewheel.learn.recipe import FitRecipe, Recipe


class FrontEndRecipe(MelRecipe):
    """Log-mel front end; an index remembers its hash and refuses another one."""

    sample_rate_hz: PositiveInt = 16_000
    n_fft: PositiveInt = Field(1024, description="analysis window, samples")
    hop_samples: PositiveInt = Field(400, description="hop, samples: 40 frames/s at 16 kHz")
    n_mels: PositiveInt = 64
    f_min_hz: PositiveFloat = 40.0
    f_max_hz: PositiveFloat = 7_600.0
    floor: PositiveFloat = Field(1e-10, description="mel power; so low that a track's level does not matter")


class EncoderRecipe(Recipe):
    """Shape of the encoder."""

    channels: tuple[int, ...] = Field((16, 32, 64, 128), description="stem, then one stage an entry")
    width: PositiveInt = Field(192, description="length of a frame, the vector of one window")
    identity_size: PositiveInt = Field(128, description="part of the embedding that tells tracks apart")
    style_size: PositiveInt = Field(128, description="part of the embedding that brings styles together")
    style_share: float = Field(0.5, ge=0, le=1, description="share of the style part in the cosine")
    dynamic_range_db: PositiveFloat = Field(
        60.0, description="what is further below the window's peak is cut"
    )


class ViewRecipe(Recipe):
    """How two views of one track are made: windows of two of its versions, varied once more."""

    window_s: PositiveFloat = Field(4.0, description="what one frame hears")
    hop_s: PositiveFloat = Field(2.0, description="from one window to the next, in use")
    windows: PositiveInt = Field(3, description="most windows of a view; the least is 2")
    per_group: PositiveInt = Field(
        4, description="tracks of one style or source in a batch, where it has so many"
    )
    synth_share: float = Field(0.5, ge=0, le=1, description="share of synthesised songs")
    semitones: float = Field(1.5, ge=0, description="pitch of a view, uniform within +- this")
    tempo: float = Field(0.08, ge=0, lt=0.5, description="tempo of a view, within +- this share")
    noise_share: float = Field(0.5, ge=0, le=1, description="share of views with noise")
    snr_min_db: float = 15.0
    snr_max_db: float = 40.0
    tone_db: float = Field(5.0, ge=0, description="swing of a smooth equaliser, dB at most each way")
    low_pass_share: float = Field(0.25, ge=0, le=1, description="share of views without their highest bands")


class LossRecipe(Recipe):
    """What the encoder is trained for."""

    temperature: PositiveFloat = 0.08
    style_weight: float = Field(0.5, ge=0, description="weight of style and source against identity")


class HeadRecipe(Recipe):
    """A projection of a backbone's embedding onto the labels of one collection."""

    name: Literal["triplet", "supcon"] = "triplet"
    hidden: PositiveInt = 512
    size: PositiveInt = 256
    dropout: float = Field(0.1, ge=0, lt=1)
    margin: PositiveFloat = Field(0.2, description="triplet: cosine by which a stranger must be further")
    temperature: PositiveFloat = Field(0.1, description="supcon")
    per_class: PositiveInt = Field(4, description="examples of one label in a batch")
    views: PositiveInt = Field(3, description="of each track: itself, then versions of it by augmentation")
    seconds: PositiveFloat = Field(60.0, description="most of a track that is varied, from its middle")


class SimilarRecipe(Recipe):
    """Everything that decides a run; saved beside its checkpoint."""

    front_end: FrontEndRecipe = FrontEndRecipe()
    encoder: EncoderRecipe = EncoderRecipe()
    views: ViewRecipe = ViewRecipe()
    loss: LossRecipe = LossRecipe()
    head: HeadRecipe = HeadRecipe()
    fit: FitRecipe = FitRecipe()

    @model_validator(mode="after")
    def _hops_on_frames(self) -> Self:
        self.front_end.whole_frames(self.views.hop_s)
        return self

    @property
    def window_frames(self) -> int:
        """Spectra in one window."""
        return self.front_end.spec().frames(round(self.views.window_s * self.front_end.sample_rate_hz))
