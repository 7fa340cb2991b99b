"""Settings of the click remover: how it looks at sound, how its net is built, what it learns from."""

from __future__ import annotations

from typing import Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from tonewheel.learn.recipe import FitRecipe, Recipe


class AnalysisRecipe(Recipe):
    """The models under the features; lengths in ms, so that any sample rate is looked at alike."""

    hop_ms: PositiveFloat = Field(23.22, description="from one model to the next; 1024 samples at 44.1 kHz")
    window_ms: PositiveFloat = Field(46.44, description="length of what a model is estimated from")
    order_ms: PositiveFloat = Field(
        0.544, description="how far a prediction looks back; 24 samples at 44.1 kHz"
    )
    thresholds: tuple[PositiveFloat, ...] = Field(
        (3.0,), description="of the classical first repairs, one each"
    )
    widened: NonNegativeInt = Field(2, description="samples that a classical detection is widened by")

    def hop(self, sample_rate_hz: int) -> int:
        """Hop in samples, even."""
        return 2 * max(16, round(self.hop_ms * sample_rate_hz / 2000))

    def window(self, sample_rate_hz: int) -> int:
        """Window in samples, even."""
        return 2 * max(32, round(self.window_ms * sample_rate_hz / 2000))

    def order(self, sample_rate_hz: int) -> int:
        """Order of the models."""
        return max(12, min(round(self.order_ms * sample_rate_hz / 1000), self.hop(sample_rate_hz) // 2))


class RepairRecipe(Recipe):
    """How samples that are known to be damaged are estimated anew."""

    hop_ms: PositiveFloat = Field(46.44, description="from one model to the next; 2048 samples at 44.1 kHz")
    window_ms: PositiveFloat = Field(185.8, description="length of what a model is estimated from")
    order_ms: PositiveFloat = Field(5.8, description="how far a model looks back; 256 samples at 44.1 kHz")
    floor: PositiveFloat = Field(1e-9, description="white noise that models allow for, share of the power")
    coarse_order_ms: PositiveFloat = Field(1.45, description="the same before the last look")
    least_chance: float = Field(
        0.3, gt=0, lt=1, description="chance of being hit from which a sample is touched"
    )
    sure_chance: float = Field(
        0.9, gt=0, lt=1, description="chance that one sample of a click must have for any of it to be touched"
    )
    widened: NonNegativeInt = Field(4, description="samples that are touched on either side of such a one")
    doubt: PositiveFloat = Field(0.5, description="factor on the size of the damage")
    looks: PositiveInt = Field(
        2, description="times that a signal is judged, each under a better repair's models"
    )

    def hop(self, sample_rate_hz: int) -> int:
        """Hop in samples, even."""
        return 2 * max(16, round(self.hop_ms * sample_rate_hz / 2000))

    def window(self, sample_rate_hz: int) -> int:
        """Window in samples, even."""
        return 2 * max(32, round(self.window_ms * sample_rate_hz / 2000))

    def order(self, sample_rate_hz: int) -> int:
        """Order of the models."""
        return max(16, min(round(self.order_ms * sample_rate_hz / 1000), self.hop(sample_rate_hz) // 2))

    def coarser(self) -> RepairRecipe:
        """The settings of a repair that is only looked at."""
        return self.model_copy(update={"order_ms": self.coarse_order_ms})


class NetworkRecipe(Recipe):
    """Shape of the detector."""

    width: PositiveInt = Field(64, description="channels between the convolutions")
    dilations: tuple[PositiveInt, ...] = Field(
        (1, 1, 2, 4, 8, 16, 1, 1), description="of the convolutions, in steps of eight samples"
    )


class DamageRecipe(Recipe):
    """What music is trained on and how it is damaged."""

    clip_samples: PositiveInt = Field(32_768, description="judged in one example, whatever the rate")
    margin_samples: PositiveInt = Field(3_072, description="heard on either side, not judged")
    transient_share: float = Field(0.12, ge=0, le=1, description="castanets, brass, consonants, sticks alone")
    strokes_share: float = Field(0.12, ge=0, le=1, description="one-shot drums alone or over music")
    other_rate_share: float = Field(0.3, ge=0, le=1, description="at another rate than 44.1 kHz")
    band_limited_share: float = Field(0.6, ge=0, le=1, description="cut to what an old disc holds")
    hiss_share: float = Field(0.6, ge=0, le=1)
    hiss_snr_db: tuple[float, float] = (3.0, 60.0)
    undamaged_share: float = Field(0.15, ge=0, le=1)
    typical_share: float = Field(0.4, ge=0, le=1, description="damaged as the benchmark is, shapes at random")
    second_look_share: float = Field(
        0.5, ge=0, le=1, description="examples whose models come from a repair that is nearly right"
    )


class LossRecipe(Recipe):
    """What the verdicts are compared with."""

    visible: PositiveFloat = Field(
        1.0,
        description="a sample counts as hit from this damage on, in residual scales: interpolating costs as much",
    )
    hit_weight: PositiveFloat = Field(2.0, description="weight of hit samples in the cross-entropy")
    size_weight: float = Field(0.01, ge=0, description="of the likelihood of the damage's size")
    freedom: PositiveFloat = Field(3.0, description="degrees of freedom of the t distribution of the damage")


class StrategyRecipe(Recipe):
    """What real recordings, of which no clean version exists, do in training; everything off: synthetic damage alone.

    The real side are digitised records where there are some, else real surface noise over music.
    """

    real_share: tuple[float, float] = Field(
        (0.0, 0.0), description="share of real examples, at the start and end"
    )
    consistency_weight: float = Field(
        0.0, ge=0, description="same verdict backwards, where anything is removed"
    )
    cycle_weight: float = Field(0.0, ge=0, description="what is put on a signal must be found on it again")
    contrast_weight: float = Field(0.0, ge=0, description="of telling real damage from synthetic damage")
    pseudo_weight: float = Field(0.0, ge=0, description="of what earlier weights found on real recordings")
    pseudo_certain: float = Field(
        0.9, gt=0.5, lt=1, description="chance from which earlier weights are believed"
    )
    adaptive: bool = Field(False, description="damage drawn as measured on the real side")
    measure_every_steps: PositiveInt = Field(
        100, description="steps after which the real side is measured again"
    )
    measured_recordings: PositiveInt = Field(5, description="real recordings that are measured")

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if not all(0 <= share <= 1 for share in self.real_share):
            raise ValueError(f"real_share {self.real_share} must lie within 0 to 1")
        return self

    def share_at(self, step: int, max_steps: int) -> float:
        """Share of real examples at a step, linear from the start of a run to its end.

        >>> StrategyRecipe(real_share=(0.0, 0.7)).share_at(50, 101)
        0.35
        """
        first, last = self.real_share
        return first + (last - first) * min(1.0, step / max(1, max_steps - 1))


class ClicksRecipe(Recipe):
    """Everything that decides a run of the click detector; saved beside its checkpoint."""

    analysis: AnalysisRecipe = AnalysisRecipe()
    network: NetworkRecipe = NetworkRecipe()
    repair: RepairRecipe = RepairRecipe()
    damage: DamageRecipe = DamageRecipe()
    loss: LossRecipe = LossRecipe()
    strategy: StrategyRecipe = StrategyRecipe()
    fit: FitRecipe = FitRecipe()
