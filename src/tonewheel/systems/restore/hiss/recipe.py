"""Settings of a denoiser run: how the network is built, what noise it learns from, what counts as good."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from tonewheel.learn.recipe import FitRecipe, Recipe


class NetworkRecipe(Recipe):
    """Shape of the network."""

    channels: tuple[int, int, int, int] = Field(
        (16, 24, 40, 48), description="at 1, 1/2, 1/4 and 1/8 of the rows"
    )
    dilations: tuple[int, ...] = Field((1, 2, 4), description="over time, of the blocks at 1/8 of the rows")
    track_dilations: tuple[int, ...] = Field((2, 4), description="over time, of the blocks at all rows")
    floor_channels: PositiveInt = Field(24, description="of the part that finds the level of the hiss")
    floor_dilations: tuple[int, ...] = Field((1, 2, 4, 8, 16, 32), description="over the rows")


class NoiseRecipe(Recipe):
    """What is put under the music, as ranges from which each example draws."""

    excerpt_s: PositiveFloat = Field(10.0, description="from which the levels are measured")
    crop_s: PositiveFloat = Field(5.0, description="of the excerpt, what the network cleans")
    snr_db: tuple[float, float] = (4.0, 32.0)
    faint_share: float = Field(0.12, ge=0, le=1, description="share of examples with much weaker hiss")
    faint_snr_db: tuple[float, float] = (32.0, 55.0)
    clean_share: float = Field(0.08, ge=0, le=1, description="share of examples without any hiss")
    slope_db: tuple[float, float] = Field((-6.5, 2.0), description="of the noise, dB an octave")
    bend_db: float = Field(3.0, ge=0, description="spread of bends at every second octave")
    texture_share: float = Field(
        0.15, ge=0, le=1, description="share of noisy examples with a recorded surface noise"
    )
    swell_share: float = Field(0.25, ge=0, le=1, description="share of noises whose level wavers")
    residue_share: float = Field(
        0.4, ge=0, le=1, description="share of examples with what a declicker leaves behind"
    )
    residue_snr_db: tuple[float, float] = (22.0, 36.0)
    band_share: float = Field(0.7, ge=0, le=1, description="share of music cut to a record's band")
    low_rate_share: float = Field(
        0.12, ge=0, le=1, description="share of examples as from a lower sample rate"
    )


class LossRecipe(Recipe):
    """What an output is compared by."""

    distance_weight: float = Field(
        0.2, ge=0, description="of the log-spectral distance, dB beside dB of distortion"
    )
    floor_weight: float = Field(0.5, ge=0, description="of the error in the level of the hiss, dB")
    enough_db: PositiveFloat = Field(46.0, description="distortion this far below the music is good enough")


class HissRecipe(Recipe):
    """Everything that decides a denoiser run; saved beside its checkpoint."""

    network: NetworkRecipe = NetworkRecipe()
    noise: NoiseRecipe = NoiseRecipe()
    loss: LossRecipe = LossRecipe()
    fit: FitRecipe = FitRecipe()
