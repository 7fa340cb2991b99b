"""Settings of the version branch: what it hears, how its encoder is built and what it is trained against."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from tonewheel.learn.recipe import FitRecipe, Recipe
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


class VersionEncoderRecipe(Recipe):
    """Shape of the encoder."""

    channels: tuple[PositiveInt, PositiveInt, PositiveInt] = Field((24, 32, 48), description="over pitches")
    classes: PositiveInt = Field(64, description="channels over the twelve pitch classes")
    size: PositiveInt = Field(8, description="numbers for each pitch class in an embedding")


class RenditionRecipe(Recipe):
    """How pairs of renditions are cut."""

    chunk_s: PositiveFloat = Field(20.0, description="music heard in one go, of each rendition")
    songs: PositiveInt = Field(12, description="songs of a batch, two renditions each")
    real_share: float = Field(0.25, ge=0, le=1, description="of them real tracks, paired with themselves")
    places: PositiveInt = Field(12, description="places of a song that are compared")
    clean_share: float = Field(0.25, ge=0, le=1, description="chunks that no hall has damaged")
    snr_min_db: float = 0.0
    snr_max_db: float = 18.0
    codec_share: float = Field(0.1, ge=0, le=1, description="share of chunks through a codec: it is slow")


class VersionRecipe(Recipe):
    """Everything that decides a run; saved beside its checkpoint."""

    pitches: PitchRecipe = PitchRecipe()
    encoder: VersionEncoderRecipe = VersionEncoderRecipe()
    renditions: RenditionRecipe = RenditionRecipe()
    temperature: PositiveFloat = 0.07
    fit: FitRecipe = FitRecipe()
