"""Songs as notes, whoever wrote them: what a band needs to play one again with other instruments.

A piece comes from a Standard MIDI File or from a composed song of `tonewheel.synth`; times are seconds of the
piece as it was written, which every rendition refers to.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tonewheel.core.errors import InputError
from tonewheel.manifest.components import gm_note
from tonewheel.synth.song import Song

PERCUSSION = 9
"""The channel, counted from 0, whose notes are drums."""
LARGEST_BYTES = 8 * 2**20
BASSES = range(32, 40)
ROLES = {"bass": 33, "harmony": 0, "pad": 48, "arp": 11, "vocals": 73, "lead": 65}
"""Part of a composed song -> the General MIDI program, from 0, that stands for it."""


class Tone(NamedTuple):
    """One note: seconds, MIDI pitch, velocity 0..1."""

    start_s: float
    length_s: float
    pitch: int
    velocity: float


class Line(NamedTuple):
    """What one player plays; a `program` of General MIDI, from 0, or percussion."""

    program: int
    tones: tuple[Tone, ...]
    percussion: bool = False

    @property
    def bass(self) -> bool:
        """Is it the bass?"""
        return not self.percussion and self.program in BASSES


class Piece(NamedTuple):
    """A song as notes."""

    title: str
    lines: tuple[Line, ...]
    seconds: float


def from_song(song: Song) -> Piece:
    """The notes of a composed song.

    >>> from tonewheel.synth.compose import compose
    >>> piece = from_song(compose(2, seconds=30.0))
    >>> any(line.percussion for line in piece.lines), len(piece.lines) >= 2
    (True, True)
    """
    lines = [
        Line(
            ROLES.get(part.name, 0),
            tuple(Tone(n.start_s, n.duration_s, n.pitch, n.velocity) for n in part.notes),
        )
        for part in song.parts
        if part.notes
    ]
    struck = tuple(Tone(e.onset_s, 0.1, gm_note(e.label), e.velocity) for e in song.drums)
    if struck:
        lines.append(Line(0, struck, percussion=True))
    return Piece(song.title, tuple(lines), song.seconds)


def from_midi(path: str | Path, *, longest_s: float = 90.0) -> Piece:
    """The notes of a MIDI file from its first one on, up to `longest_s`; InputError when there are none."""
    import mido

    source = Path(path)
    if not source.is_file() or source.stat().st_size > LARGEST_BYTES:
        raise InputError(source, "no such file" if not source.exists() else "is no score of a usual size")
    try:
        messages = list(mido.MidiFile(str(source), clip=True))
    except Exception as error:  # mido raises whatever its parsing stumbles over
        raise InputError(
            source, f"is no MIDI file that can be read: {error or 'it ends too early'}"
        ) from None
    lines = _lines(messages)
    first = min((tone.start_s for tones in lines.values() for tone in tones), default=None)
    if first is None:
        raise InputError(source, "has no notes")
    kept = []
    for (channel, program), tones in lines.items():
        inside = tuple(t._replace(start_s=t.start_s - first) for t in tones if t.start_s - first < longest_s)
        if inside:
            kept.append(Line(program, inside, percussion=channel == PERCUSSION))
    end = max(tone.start_s + min(tone.length_s, 2.0) for line in kept for tone in line.tones)
    return Piece(source.stem, tuple(kept), min(end, longest_s))


def _lines(messages: Iterable[object]) -> dict[tuple[int, int], list[Tone]]:
    programs = dict.fromkeys(range(16), 0)
    sounding: dict[tuple[int, int], tuple[float, int]] = {}
    lines: dict[tuple[int, int], list[Tone]] = {}
    now = 0.0
    for message in messages:
        now += message.time  # type: ignore[attr-defined]
        kind = message.type  # type: ignore[attr-defined]
        if kind == "program_change":
            programs[message.channel] = message.program  # type: ignore[attr-defined]
        if kind not in ("note_on", "note_off"):
            continue
        channel, pitch, velocity = message.channel, message.note, message.velocity  # type: ignore[attr-defined]
        if (channel, pitch) in sounding:
            began, strength = sounding.pop((channel, pitch))
            line = lines.setdefault((channel, 0 if channel == PERCUSSION else programs[channel]), [])
            line.append(Tone(began, max(now - began, 0.03), pitch, strength / 127))
        if kind == "note_on" and velocity:
            sounding[channel, pitch] = (now, velocity)
    return lines
