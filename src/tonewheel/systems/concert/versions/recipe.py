"""Settings of the version branch: what it hears, what a row is made of and what the encoder learns from."""

from __future__ import annotations

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from tonewheel.learn.recipe import Recipe
from tonewheel.systems.concert.versions.patches import PatchSpec
from tonewheel.systems.concert.versions.pitches import PitchSpec


class PitchRecipe(Recipe):
    """Pitch map front end; see `pitches.PitchSpec`."""

    sample_rate_hz: PositiveInt = 16_000
    n_fft: PositiveInt = Field(4096, description="analysis window, samples")
    hop_samples: PositiveInt = Field(1000, description="hop, samples: 16 frames a second")
    lowest_pitch: PositiveInt = Field(48, description="MIDI number: 131 Hz")
    octaves: PositiveInt = 5
    bins_per_semitone: PositiveInt = 2
    around_semitones: PositiveInt = Field(
        24, description="neighbourhood that a cell is divided by, semitones"
    )
    around_s: PositiveFloat = Field(2.0, description="the same, s")

    def spec(self) -> PitchSpec:
        """The same settings as the record that `pitches` computes with."""
        return PitchSpec(**self.model_dump())


class PatchRecipe(Recipe):
    """What is laid together for a row; see `patches.PatchSpec`."""

    registers: tuple[tuple[NonNegativeInt, ...], ...] = Field(
        ((0, 1), (2,), (3, 4)), description="octaves of the pitch map that are averaged"
    )
    steps: NonNegativeInt = Field(6, description="moments before and after the row that it sees")
    step_frames: PositiveInt = Field(4, description="from one moment to the next, frames")
    smooth_frames: PositiveFloat = Field(2.0, description="deviation of the smoothing in time, frames")

    def spec(self) -> PatchSpec:
        """The same settings as the record that `patches` computes with."""
        return PatchSpec(**self.model_dump())


class HallRecipe(Recipe):
    """Which renditions are heard, and how."""

    songs: NonNegativeInt = Field(0, description="songs to learn from; 0: all there are")
    draws: NonNegativeInt = Field(
        1, description="halls that each rendition is heard in, beside the clean one"
    )
    snr_min_db: float = 0.0
    snr_max_db: float = 15.0
    microphone_share: float = Field(0.1, ge=0, le=1, description="share heard by a measured microphone")
    codec_share: float = Field(0.05, ge=0, le=1, description="share through a codec: it is slow")
    seed: NonNegativeInt = 7


class VersionRecipe(Recipe):
    """Everything that decides a run; saved beside its weights."""

    pitches: PitchRecipe = PitchRecipe()
    patch: PatchRecipe = PatchRecipe()
    halls: HallRecipe = HallRecipe()
    size: PositiveInt = Field(8, description="numbers for each pitch class in an embedding")
    shrink: PositiveFloat = Field(0.005, description="share of the mean variance added to each")
    queries: PositiveInt = Field(150, description="queries that fit how both branches make one answer")
