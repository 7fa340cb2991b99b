"""What is known of a track without any model: the measures that people name when they compare records."""

from __future__ import annotations

from tonewheel.core.records import Record

VERSION = 2
"""Raised whenever a measure changes, so that no cache mixes two ways of measuring."""

CURVE_PARTS = 64
"""The energy curve has as many values, whatever the length of the track."""


class Features(Record):
    """The measures of one track; every number is finite. Each module of this package says what its own mean.

    A tempo that nothing speaks for has the confidence 0, so has a key; a mono track has the width 0.

    >>> track = Features(path="a.flac", content_sha256="", seconds=60.0, tempo_bpm=138.0, energy_mean=0.7,
    ...     kick_pattern=(1.0, 0.0, 0.0, 0.0) * 4, brightness_hz=2100.0, loudness_lufs=-9.0, key="A minor")
    >>> round(track.numbers()["kick_on_beats"], 2), track.numbers()["minor"]
    (1.0, 1.0)
    """

    path: str
    """As it was given."""
    content_sha256: str
    """Of the file; empty for a span of a file or for sound without one."""
    seconds: float
    tempo_bpm: float
    brightness_hz: float
    """Spectral centroid."""
    loudness_lufs: float
    """Integrated, EBU R128."""
    key: str
    """Tonic and mode, e.g. 'A minor'."""
    tempo_confidence: float = 0.0
    """0 to 1: how much of the rhythm agrees with the tempo."""
    energy_curve: tuple[float, ...] = (1.0,) * CURVE_PARTS
    """Amplitude of equal parts of the track, 1 at its loudest: the level of the record is not in it."""
    energy_mean: float = 1.0
    """Mean of the curve: 1 is full from beginning to end."""
    energy_progression: float = 0.5
    """0 falls all the way, 0.5 comes back to where it began or stays, 1 rises all the way."""
    kick_pattern: tuple[float, ...] = (0.0,) * 16
    """Kick on each sixteenth of the bar, 1 for the strongest; all 0 where there is none."""
    sidechain_depth_db: float = 0.0
    """How far the rest of the music dips under a kick."""
    stereo_width: float = 0.0
    """Share of the side in the energy: 0 mono, 0.5 unrelated channels, 1 opposite ones."""
    loudness_range_lu: float = 0.0
    """EBU Tech 3342."""
    key_confidence: float = 0.0
    """0 to 1: the probability that the key is right."""
    chroma: tuple[float, ...] = (1.0 / 12,) * 12
    """Share of each pitch class, from C."""

    def numbers(self) -> dict[str, float]:
        """One number a measure, for statistics, clusters and filters; patterns as what they say most plainly."""
        kicks = sum(self.kick_pattern)
        return {
            "tempo_bpm": self.tempo_bpm,
            "energy_mean": self.energy_mean,
            "energy_progression": self.energy_progression,
            "kick_on_beats": sum(self.kick_pattern[::4]) / kicks if kicks else 0.0,
            "sidechain_depth_db": self.sidechain_depth_db,
            "stereo_width": self.stereo_width,
            "brightness_hz": self.brightness_hz,
            "loudness_lufs": self.loudness_lufs,
            "loudness_range_lu": self.loudness_range_lu,
            "minor": float(self.key.endswith("minor")),
        }
