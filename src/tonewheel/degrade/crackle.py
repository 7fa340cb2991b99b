"""Crackle: so many tiny impulses that they make a texture."""

from __future__ import annotations

from typing import Self

import numpy as np

from tonewheel.degrade.clicks import Clicks


class Crackle(Clicks):
    """Clicks, but many, small and short; the fields mean the same and begin elsewhere.

    >>> crackle = Crackle(rate_per_s=120.0, amplitude=0.04, seed=1)
    >>> 60 < len(crackle.events(44_100, 44_100)) < 180
    True
    """

    rate_per_s: float = 120.0
    amplitude: float = 0.04
    amplitude_spread: float = 0.5
    width_ms: float = 0.09
    width_spread: float = 0.6
    longest_ms: float = 0.272
    replacing: float = 0.0

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        rate_per_s: tuple[float, float] = (20.0, 400.0),
        amplitude: tuple[float, float] = (0.005, 0.08),
        width_ms: tuple[float, float] = (0.02, 0.2),
        longest_ms: tuple[float, float] = (0.2, 0.5),
        clustered: tuple[float, float] = (0.0, 0.6),
        repeating: tuple[float, float] = (0.0, 0.1),
    ) -> Self:
        """As clicks are drawn, within the bounds of crackle."""
        return super().draw(
            rng,
            rate_per_s=rate_per_s,
            amplitude=amplitude,
            width_ms=width_ms,
            longest_ms=longest_ms,
            clustered=clustered,
            repeating=repeating,
        )
