"""A piece played again: key, tempo, instruments, octaves, who plays at all; and then as sound.

FluidSynth (its program, LGPL, called where it is installed) plays the notes with a General MIDI soundfont.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.core.errors import InputError, MissingDependencyError
from tonewheel.systems.concert.versions.piece import BASSES, PERCUSSION, Line, Piece, Tone

Floats = NDArray[np.float32]
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
"""Fluid (R3) General MIDI, Frank Wen, MIT licence; Debian: fluid-soundfont-gm."""
# fmt: off
SUSTAINED = (16, 17, 18, 19, 21, 22, 40, 41, 42, 44, 48, 49, 50, 51, 52, 53, 54, 56, 57, 58, 60, 61, 62, 63,
             64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 79, 80, 81, 82, 85, 88, 89, 90, 91, 93, 94, 95)
PLUCKED = (0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 24, 25, 26, 27, 28, 29, 30, 45, 46, 104, 105, 106, 107, 108)
# fmt: on
TICKS = 960
SILENT = 1e-4


class Playing(NamedTuple):
    """How a rendition differs from the piece: semitones up, its seconds for one of the piece."""

    semitones: int
    stretch: float
    lines: tuple[Line, ...]


def rearrange(
    piece: Piece,
    rng: np.random.Generator,
    *,
    semitones: tuple[int, int] = (-5, 6),
    tempo_within: float = 0.08,
    other_instruments: bool = True,
) -> Playing:
    """Draw a rendition: a key, a tempo within a share, other instruments, some octaves, a player less at times.

    >>> piece = Piece("scale", (Line(0, tuple(Tone(i, 1.0, 60 + i, 0.8) for i in range(8))),), 8.0)
    >>> playing = rearrange(piece, np.random.default_rng(1))
    >>> tones = playing.lines[0].tones
    >>> (tones[7].pitch - tones[0].pitch) == 7, bool(tones[1].start_s == playing.stretch)
    (True, True)
    """
    shift = int(rng.integers(semitones[0], semitones[1] + 1))
    stretch = float(np.exp(rng.uniform(-1, 1) * np.log1p(tempo_within)))
    lines = []
    melodic = [line for line in piece.lines if not line.percussion]
    # A part may be missing, but never most of the song.
    silent = int(rng.integers(len(melodic))) if len(melodic) > 2 and rng.random() < 0.3 else -1
    for number, line in enumerate(melodic):
        if number == silent and other_instruments:
            continue
        program = _other(line, rng) if other_instruments else line.program
        octave = 12 * int(rng.choice([-1, 1])) if other_instruments and rng.random() < 0.15 else 0
        loud = float(rng.uniform(0.6, 1.2)) if other_instruments else 1.0
        lines.append(_played(line._replace(program=program), shift + octave, stretch, loud))
    for line in piece.lines:
        if line.percussion and not (other_instruments and rng.random() < 0.15):
            lines.append(
                _played(line, 0, stretch, float(rng.uniform(0.5, 1.1)) if other_instruments else 1.0)
            )
    return Playing(shift, stretch, tuple(lines))


def _other(line: Line, rng: np.random.Generator) -> int:
    if line.bass:
        return int(rng.choice(BASSES))
    return int(rng.choice(SUSTAINED if rng.random() < 0.5 else PLUCKED))


def _played(line: Line, shift: int, stretch: float, loud: float) -> Line:
    tones = tuple(
        Tone(t.start_s * stretch, t.length_s * stretch, _within(t.pitch + shift), min(1.0, t.velocity * loud))
        for t in line.tones
    )
    return line._replace(tones=tones)


def _within(pitch: int) -> int:
    while pitch < 21:
        pitch += 12
    while pitch > 108:
        pitch -= 12
    return pitch


def sound(lines: tuple[Line, ...], sample_rate_hz: int = 16_000, soundfont: Path = SOUNDFONT) -> Floats:
    """The lines as mono sound, peak 0.9. Shape: (samples,).

    MissingDependencyError without FluidSynth or a soundfont, InputError when nothing sounds.
    """
    program = shutil.which("fluidsynth")
    if program is None or not soundfont.is_file():
        raise MissingDependencyError("fluidsynth and a General MIDI soundfont", "playing scores")
    with tempfile.TemporaryDirectory(prefix="tonewheel-band-") as folder:
        score, out = Path(folder) / "score.mid", Path(folder) / "out.wav"
        _write(lines, score)
        command = [program, "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.3", "-r", str(sample_rate_hz)]
        # Only the samples of the instruments in use: a soundfont has 150 MB.
        command += ["-o", "synth.dynamic-sample-loading=1", "-F", str(out), str(soundfont), str(score)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=600)
        if done.returncode or not out.is_file():
            raise InputError(
                soundfont, f"FluidSynth cannot play it: {done.stderr.decode(errors='replace')[-200:]}"
            )
        audio, _ = load(out, sample_rate_hz=sample_rate_hz)
    mono: Floats = audio if audio.ndim == 1 else audio.mean(axis=0)
    peak = float(np.abs(mono).max(initial=0.0))
    if peak < SILENT:
        raise InputError("piece", "is silent")
    return np.asarray(mono * np.float32(0.9 / peak), np.float32)


def _write(lines: tuple[Line, ...], path: Path) -> None:
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS)  # at 120 beats a minute, the default of the format
    melodic = [c for c in range(16) if c != PERCUSSION]
    for number, line in enumerate(lines):
        channel = PERCUSSION if line.percussion else melodic[number % len(melodic)]
        events = []
        for tone in line.tones:
            start = round(tone.start_s * 2 * TICKS)
            end = max(start + 1, round((tone.start_s + tone.length_s) * 2 * TICKS))
            events.append((start, 1, tone.pitch, int(np.clip(round(tone.velocity * 127), 1, 127))))
            events.append((end, 0, tone.pitch, 0))
        track = mido.MidiTrack()
        track.append(mido.Message("program_change", channel=channel, program=line.program))
        now = 0
        for tick, _, pitch, velocity in sorted(events):
            track.append(
                mido.Message("note_on", channel=channel, note=pitch, velocity=velocity, time=tick - now)
            )
            now = tick
        file.tracks.append(track)
    file.save(str(path))
