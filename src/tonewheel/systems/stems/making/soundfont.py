"""Notes to sound through a General MIDI soundfont, one part at a time, by FluidSynth's C library
(LGPL; called where it is installed, never shipped).

Programs of General MIDI 1 are told apart by the stem that they belong to: 33-40 bass, voices and choirs vocals, what
is left harmonic; percussion on channel 10 by the note, as sticks play some and hands others.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError, MissingDependencyError

Audio = NDArray[np.float32]
RATE = 44_100
BASSES = range(32, 40)
VOICES = (52, 53)
DISTORTED = (29, 30)
GUITARS = range(24, 32)
"""Programs counted from 0."""
BY_HAND = frozenset((54, 56, 58, *range(60, 82)))
"""Percussion notes that are not of the kit: tambourine, cowbell, bongos, congas, shakers, claves, triangle."""
Played = tuple[float, float, int, float]
"""(start in s, length in s, pitch, velocity 0..1)."""


def stem_of(program: int) -> str:
    """The stem of a General MIDI program, counted from 0.

    >>> stem_of(33), stem_of(52), stem_of(0)
    ('bass', 'vocals', 'harmonic')
    """
    return "bass" if program in BASSES else "vocals" if program in VOICES else "harmonic"


def play(
    notes: Iterable[Played], program: int, soundfont: Path, seconds: float, *, percussion: bool = False
) -> Audio:
    """Render notes with one program, without reverb and chorus. Shape: (2, samples) at 44.1 kHz."""
    samples = round(seconds * RATE)
    events = []
    for start, length, pitch, velocity in notes:
        if 0 <= start < seconds and 0 <= pitch < 128:
            events.append((round(start * RATE), int(np.clip(round(velocity * 127), 1, 127)), pitch))
            events.append((round((start + max(length, 0.02)) * RATE), 0, pitch))
    out = np.zeros((2, samples), np.float32)
    if events:
        _player(soundfont).play(sorted(events), program, out, percussion=percussion)
    return out


@lru_cache(maxsize=4)
def _player(soundfont: Path) -> Player:
    return Player(soundfont)


class Player:
    """One soundfont in one synthesiser of libfluidsynth, loaded once."""

    def __init__(self, soundfont: Path) -> None:
        name = ctypes.util.find_library("fluidsynth")
        if name is None:
            raise MissingDependencyError("libfluidsynth", "playing soundfonts")
        self.library = ctypes.CDLL(name)
        for made in ("new_fluid_settings", "new_fluid_synth"):
            getattr(self.library, made).restype = ctypes.c_void_p
        settings = ctypes.c_void_p(self.library.new_fluid_settings())
        self.library.fluid_settings_setnum(settings, b"synth.sample-rate", ctypes.c_double(RATE))
        self.library.fluid_settings_setnum(settings, b"synth.gain", ctypes.c_double(0.5))
        for effect in (b"synth.reverb.active", b"synth.chorus.active"):
            self.library.fluid_settings_setint(settings, effect, 0)
        self.synth = ctypes.c_void_p(self.library.new_fluid_synth(settings))
        if self.library.fluid_synth_sfload(self.synth, str(soundfont).encode(), 1) < 0:
            raise InputError(soundfont, "cannot be read as a soundfont")

    def play(self, events: list[tuple[int, int, int]], program: int, out: Audio, *, percussion: bool) -> None:
        """Fill (2, samples) from events (sample, velocity or 0, pitch), sorted by time."""
        channel, library, synth = 9 if percussion else 0, self.library, self.synth
        library.fluid_synth_system_reset(synth)
        library.fluid_synth_program_change(synth, channel, program)
        now = 0
        for at, strength, pitch in [*events, (out.shape[1], 0, 0)]:
            until = min(at, out.shape[1])
            if until > now:
                left, right = (side[now:].ctypes.data_as(ctypes.POINTER(ctypes.c_float)) for side in out)
                library.fluid_synth_write_float(synth, until - now, left, 0, 1, right, 0, 1)
                now = until
            if strength:
                library.fluid_synth_noteon(synth, channel, pitch, strength)
            else:
                library.fluid_synth_noteoff(synth, channel, pitch)
        library.fluid_synth_all_sounds_off(synth, channel)
