"""The symbolic song: plain frozen records that hold every label exactly, independent of any sample rate."""

from __future__ import annotations

from collections.abc import Iterator

from tonewheel.core.records import Record
from tonewheel.synth.drums import Kit
from tonewheel.synth.instruments import Instrument

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
METRES: dict[str, tuple[int, int]] = {"4/4": (4, 4), "3/4": (3, 4), "6/8": (2, 6)}
"""Metre name -> (beats a bar, sixteenth steps a beat); a 6/8 beat is the dotted quarter."""


class Note(Record):
    """One sounding note; `pitch` is a MIDI number (69 = 440 Hz), `velocity` 0..1, `syllable` picks a sung
    vowel.
    """

    start_s: float
    duration_s: float
    pitch: int
    velocity: float
    syllable: int = 0


class DrumEvent(Record):
    """One drum hit; labels are those of the drum manifest (kick, snare, hihat_closed, ...), velocity 0..1."""

    onset_s: float
    label: str
    velocity: float


class Chord(Record):
    """A chord label over [start_s, end_s); `root` is a pitch class, C = 0."""

    start_s: float
    end_s: float
    root: int
    quality: str

    @property
    def name(self) -> str:
        """Harte-style name.

        >>> Chord(start_s=0.0, end_s=2.0, root=9, quality="min").name
        'A:min'
        """
        return f"{PITCH_CLASSES[self.root % 12]}:{self.quality}"


class Section(Record):
    """A labelled span of the form; `source` is the section of the score that it performs."""

    name: str
    start_s: float
    end_s: float
    bars: int
    source: int


class Part(Record):
    """One stem's notes with the instrument that plays them and its place in the mix."""

    name: str
    instrument: Instrument
    notes: tuple[Note, ...]
    gain_db: float = 0.0
    pan: float = 0.0
    reverb_db: float = -14.0
    chorus: float = 0.0
    delay_db: float = -60.0
    duck: float = 0.0


class Mix(Record):
    """What the mixing desk does to the sum: room, tone, compression and level.

    `tilt_db` is a shelf above 1 kHz, `low_db` one below 150 Hz; `unlimited_percent` of the 2 ms peaks stay
    below the limiter, so 99.3 is a loud record and 99.97 an open one.
    """

    reverb_s: float = 1.2
    reverb_bright_hz: float = 5000.0
    compress_db: float = 4.0
    drums_db: float = 0.0
    drums_reverb_db: float = -18.0
    tilt_db: float = 0.0
    low_db: float = 0.0
    low_pass_hz: float = 20000.0
    peak: float = 0.89
    unlimited_percent: float = 99.8
    delay_beats: float = 0.75
    seed: int = 0


class Song(Record):
    """A whole song as notes and labels; `seed` and `style` name the score, `performance` the way it is
    played.
    """

    title: str
    seed: int
    style: str
    performance: int
    tempo_bpm: float
    metre: str
    tonic: int
    mode: str
    swing: float
    seconds: float
    sections: tuple[Section, ...]
    chords: tuple[Chord, ...]
    parts: tuple[Part, ...]
    drums: tuple[DrumEvent, ...]
    kit: Kit
    mix: Mix
    target_s: float = 75.0

    @property
    def key(self) -> str:
        """Tonic and mode, e.g. 'A minor'."""
        return f"{PITCH_CLASSES[self.tonic % 12]} {self.mode}"

    @property
    def beat_s(self) -> float:
        """Length of one beat."""
        return 60.0 / self.tempo_bpm

    def beats(self) -> Iterator[tuple[float, int]]:
        """(time in seconds, beat number in the bar from 1) of every beat of the labelled sections."""
        per_bar = METRES[self.metre][0]
        for section in self.sections:
            for index in range(section.bars * per_bar):
                yield section.start_s + index * self.beat_s, index % per_bar + 1

    def version(self, seed: int, *, kind: str = "cover") -> Song:
        """The same song performed again; see `tonewheel.synth.versions.version_of`."""
        from tonewheel.synth.versions import version_of

        return version_of(self, seed, kind=kind)
