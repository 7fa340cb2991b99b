"""Settings of a concert run: what the encoder hears, how it is built and what it is trained against."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from tonewheel.learn.front_end import MelRecipe
from tonewheel.learn.recipe import FitRecipe, Recipe


class FrontEndRecipe(MelRecipe):
    """Log-mel front end; a pack remembers its hash and refuses another one."""

    sample_rate_hz: PositiveInt = 16_000
    n_fft: PositiveInt = Field(1024, description="analysis window, samples")
    hop_samples: PositiveInt = Field(250, description="hop, samples: 64 frames/s at 16 kHz, 32 a half second")
    n_mels: PositiveInt = 64
    f_min_hz: PositiveFloat = Field(160.0, description="phones high-pass at 100-200 Hz: nothing below helps")
    f_max_hz: PositiveFloat = 7_000.0
    floor: PositiveFloat = Field(
        1e-10, description="mel power; so low that a recording's level does not matter"
    )


class EncoderRecipe(Recipe):
    """Shape of the encoder."""

    channels: tuple[int, ...] = Field((32, 64, 128, 192), description="stem, then one stage an entry")
    embedding_size: PositiveInt = 128
    dynamic_range_db: PositiveFloat = Field(
        60.0, description="what is further below the window's peak is cut"
    )


class ViewRecipe(Recipe):
    """How clean and degraded windows of the same music are made."""

    window_s: PositiveFloat = Field(2.0, description="length of a window, in use")
    parts: PositiveInt = Field(2, description="a window is embedded in so many equal parts, side by side")
    hop_s: PositiveFloat = Field(0.5, description="from one window to the next, in use")
    chunk_s: PositiveFloat = Field(8.0, description="music degraded in one go, windows are cut from it")
    windows_per_chunk: PositiveInt = 8
    snr_min_db: float = -4.0
    snr_max_db: float = 14.0
    codec_share: float = Field(0.2, ge=0, le=1, description="share of chunks through a codec: it is slow")
    synth_share: float = Field(0.35, ge=0, le=1, description="share of chunks from synthesised songs")
    setlist_share: float = Field(0.4, ge=0, le=1, description="share of chunks of one artist: hard negatives")
    live_share: float = Field(
        0.5, ge=0, le=1, description="share of a song's chunks from aligned concerts, where there are any"
    )
    ambience_share: float = Field(0.12, ge=0, description="windows without music, as a share of the batch")

    @property
    def part_s(self) -> float:
        """Length of what the encoder hears at once: one part of a window."""
        return self.window_s / self.parts

    @model_validator(mode="after")
    def _parts_on_hops(self) -> Self:
        if abs(self.part_s / self.hop_s - round(self.part_s / self.hop_s)) > 1e-9:
            raise ValueError(
                f"a part of {self.part_s:g} s must be a whole number of hops of {self.hop_s:g} s"
            )
        return self


class LossRecipe(Recipe):
    """Contrastive objective."""

    name: Literal["ntxent", "supcon"] = "ntxent"
    temperature: PositiveFloat = 0.05
    music_weight: float = Field(0.05, ge=0, description="weight of the music-or-not head")


class ConcertRecipe(Recipe):
    """Everything that decides a concert run; saved beside its checkpoint."""

    front_end: FrontEndRecipe = FrontEndRecipe()
    encoder: EncoderRecipe = EncoderRecipe()
    views: ViewRecipe = ViewRecipe()
    loss: LossRecipe = LossRecipe()
    fit: FitRecipe = FitRecipe()

    @model_validator(mode="after")
    def _hops_on_frames(self) -> Self:
        self.front_end.whole_frames(self.views.hop_s)
        return self
