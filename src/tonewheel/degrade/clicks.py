"""Clicks: single defects of a disc, some milliseconds or less each, of which every sample that is hit is known."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.degrade import impulses
from tonewheel.degrade.base import Audio, Degradation
from tonewheel.degrade.impulses import SHAPES, Impulses, Shape

MOST_PER_S = 5000.0


class Clicks(Degradation):
    """Impulses at random times, with log-normal amplitudes and widths, added to the sound or in its place.

    Amplitudes are of full scale, so the damage does not depend on the music under it. Model: S. Godsill,
    P. Rayner, "Digital audio restoration" (1998), chapter 4, with arrivals that may cluster and repeat.

    >>> clicks = Clicks(rate_per_s=15.0, amplitude=0.35, seed=3)
    >>> quiet = np.zeros(44_100, np.float32)
    >>> hit = clicks.mask(44_100, 44_100)
    >>> bool((clicks.apply(quiet, 44_100)[~hit] == 0).all()), 0 < int(hit.sum()) < 2000
    (True, True)
    """

    rate_per_s: float = 15.0
    amplitude: float = 0.35
    """Median of the peaks, of full scale."""
    amplitude_spread: float = 0.7
    """Standard deviation of their natural logarithm."""
    width_ms: float = 0.4
    """Median; 0.4 ms are 18 samples at 44.1 kHz."""
    width_spread: float = 0.8
    longest_ms: float = 1.36
    shapes: tuple[Shape, ...] = SHAPES
    replacing: float = 0.2
    """Share of impulses under which the sound itself is lost."""
    clustered: float = 0.0
    """Share of impulses that come in bursts."""
    burst_size: float = 4.0
    burst_ms: float = 20.0
    repeating: float = 0.0
    """Share of impulses that belong to scratches and come back every revolution."""
    revolutions_per_minute: float = 78.26
    one_sided: float = 0.5
    """In stereo: how unequal the channels are, 0 for the same impulse in both, 1 for any balance."""
    seed: int = 0

    def __post_init__(self) -> None:
        name = str(type(self).__struct_config__.tag)
        if not (0 <= self.rate_per_s <= MOST_PER_S and 0 <= self.amplitude <= 100):
            raise InputError(
                name, f"{self}: need rate_per_s to {MOST_PER_S:g}, amplitude to 100, none below 0"
            )
        if not (0 < self.width_ms <= 100 and 0 < self.longest_ms <= 100 and self.burst_ms > 0):
            raise InputError(name, f"{self}: need width_ms, longest_ms above 0 and to 100, burst_ms above 0")
        if not (0 <= self.amplitude_spread <= 3 and 0 <= self.width_spread <= 3 and self.burst_size >= 1):
            raise InputError(name, f"{self}: need spreads within 0 to 3, burst_size 1 or more")
        shares = (self.replacing, self.clustered, self.repeating, self.one_sided)
        if not all(0 <= share <= 1 for share in shares) or self.clustered + self.repeating > 1:
            raise InputError(name, f"{self}: shares are within 0 to 1, clustered and repeating together too")
        if not (self.shapes and 5 <= self.revolutions_per_minute <= 200):
            raise InputError(name, f"{self}: need a shape, and 5 to 200 revolutions_per_minute")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        rate_per_s: tuple[float, float] = (1.0, 40.0),
        amplitude: tuple[float, float] = (0.03, 0.6),
        width_ms: tuple[float, float] = (0.05, 0.8),
        longest_ms: tuple[float, float] = (1.0, 3.0),
        clustered: tuple[float, float] = (0.0, 0.5),
        repeating: tuple[float, float] = (0.0, 0.3),
    ) -> Self:
        """Rate, amplitude and width uniform in their logarithm; shapes some or all of those there are."""

        def between(bounds: tuple[float, float]) -> float:
            return float(np.exp(rng.uniform(*np.log(bounds))))

        count = int(rng.integers(2, len(SHAPES) + 1))
        chosen = sorted(rng.choice(len(SHAPES), size=count, replace=False).tolist())
        return cls(
            rate_per_s=between(rate_per_s),
            amplitude=between(amplitude),
            amplitude_spread=float(rng.uniform(0.3, 1.0)),
            width_ms=between(width_ms),
            width_spread=float(rng.uniform(0.3, 1.0)),
            longest_ms=between(longest_ms),
            shapes=tuple(SHAPES[number] for number in chosen),
            replacing=float(rng.uniform(0, 0.5)),
            clustered=float(rng.uniform(*clustered)),
            burst_size=float(rng.uniform(2, 8)),
            burst_ms=between((2.0, 60.0)),
            repeating=float(rng.uniform(*repeating)),
            revolutions_per_minute=float(rng.choice((78.26, 45.0, 100 / 3))),
            one_sided=float(rng.uniform(0, 1)),
            seed=draw_seed(rng),
        )

    def events(self, samples: int, sample_rate_hz: int, channels: int = 1) -> Impulses:
        """Every impulse on a clip of this length: places, widths and waveforms, exactly as `apply` puts them."""
        rng = generator(self.seed, str(type(self).__struct_config__.tag))
        starts, causes = impulses.arrivals(
            rng,
            samples,
            sample_rate_hz,
            rate_per_s=self.rate_per_s,
            clustered=self.clustered,
            burst_size=self.burst_size,
            burst_ms=self.burst_ms,
            repeating=self.repeating,
            revolutions_per_minute=self.revolutions_per_minute,
        )
        # What has one cause looks the same every time: it is drawn once a cause, then dealt out.
        count, cause = len(starts), np.unique(causes, return_inverse=True)[1]
        kinds = int(cause.max()) + 1 if count else 0
        width_ms = self.width_ms * np.exp(self.width_spread * rng.standard_normal(kinds))
        longest = max(1, int(self.longest_ms * sample_rate_hz / 1000))
        widths = np.clip(np.rint(width_ms * sample_rate_hz / 1000), 1, longest).astype(np.int64)
        shaped = impulses.waveforms(rng, self.shapes, widths)
        peaks = self.amplitude * np.exp(self.amplitude_spread * rng.standard_normal(kinds))
        shaped *= peaks[:, None].astype(np.float32)
        gains = 1 - self.one_sided * rng.uniform(0, 1, (kinds, channels))
        gains /= gains.max(axis=1, keepdims=True, initial=1e-9)
        lost = rng.random(kinds) < self.replacing
        # A scratch is never met in quite the same way twice.
        again = np.exp(0.15 * rng.standard_normal((count, 1)) * (np.bincount(cause)[cause, None] > 1))
        widths = np.minimum(widths[cause], samples - starts)
        return Impulses(
            starts,
            widths,
            (shaped[cause] * again).astype(np.float32),
            gains[cause].astype(np.float32),
            lost[cause],
        )

    def mask(self, samples: int, sample_rate_hz: int) -> NDArray[np.bool_]:
        """Which samples are hit, (samples,); it is the same in every channel."""
        hit: NDArray[np.bool_] = self.events(samples, sample_rate_hz).mask(samples)[0]
        return hit

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        return self.events(audio.shape[-1], sample_rate_hz, len(audio)).put_on(audio)
