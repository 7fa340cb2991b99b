"""Settings of a log-mel front end: what a network hears of a sound."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from tonewheel.audio.spectra import MelSpec
from tonewheel.learn.recipe import Recipe


class MelRecipe(Recipe):
    """Base of the front ends; each system sets its own values, and says why.

    >>> bands = {"n_mels": 64, "f_min_hz": 40, "f_max_hz": 7600}
    >>> MelRecipe(sample_rate_hz=16_000, n_fft=1024, hop_samples=250, **bands).spec().frame_rate_hz
    64.0
    """

    sample_rate_hz: PositiveInt
    n_fft: PositiveInt = Field(description="analysis window, samples")
    hop_samples: PositiveInt
    n_mels: PositiveInt
    f_min_hz: PositiveFloat
    f_max_hz: PositiveFloat
    floor: PositiveFloat = Field(1e-10, description="mel power; so low that a level does not matter")

    def spec(self) -> MelSpec:
        """The same settings as the record that `audio.spectra` computes with."""
        return MelSpec(**self.model_dump(include=set(MelRecipe.model_fields)))

    @property
    def frame_rate_hz(self) -> float:
        """Frames in a second."""
        return self.sample_rate_hz / self.hop_samples

    def whole_frames(self, hop_s: float) -> None:
        """ValueError unless windows that lie this far apart begin on frames."""
        frames = hop_s * self.sample_rate_hz / self.hop_samples
        if abs(frames - round(frames)) > 1e-9:
            raise ValueError(
                f"views.hop_s of {hop_s:g} s is {frames:g} frames of front_end.hop_samples; "
                "a whole number is needed"
            )
