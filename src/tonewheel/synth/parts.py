"""How a bass, a comping player, an arpeggiator and a pad turn chords into notes on the step grid."""

from __future__ import annotations

import numpy as np

Event = tuple[float, float, int, float]
"""(start step, length in steps, MIDI pitch, velocity)."""


def bass_line(
    rng: np.random.Generator,
    line: str,
    root: int,
    fifth: int,
    start: int,
    slot: int,
    beat: int,
    following: int,
) -> list[Event]:
    """A bass figure over one chord slot; `root` is a MIDI pitch in the bass register."""
    if line == "roots":
        return [(start, slot, root, 0.8)]
    if line == "roots_fifths":
        half = max(beat, slot // 2)
        return [
            (start + at, half * 0.9, root if at % slot == 0 else fifth, 0.85 if at == 0 else 0.7)
            for at in range(0, slot, half)
        ]
    if line == "walking":
        out: list[Event] = []
        count = max(1, slot // beat)
        for index in range(count):
            pitch = [root, root + int(rng.choice([2, 3, 4])), fifth, root + int(rng.choice([5, 9, 12]))][
                index % 4
            ]
            if index == count - 1 and count > 1:
                pitch = following + int(rng.choice([-1, 1]))
            out.append((start + index * beat, beat * 0.9, pitch, 0.8 if index % 2 == 0 else 0.72))
        return out
    if line == "offbeat":
        return [(start + at, 1.8, root, 0.8) for at in range(2, slot, beat)]
    if line == "rolling":
        return [
            (start + at, 0.9, root + (12 if at % 8 == 6 else 0), 0.8 if at % 2 == 0 else 0.6)
            for at in range(slot)
            if at % beat
        ]
    if line == "octaves":
        return [
            (start + at, 1.7, root + (12 if at % 4 == 2 else 0), 0.85 if at % 4 == 0 else 0.7)
            for at in range(0, slot, 2)
        ]
    if line == "eighths":
        return [(start + at, 1.9, root, 0.85 if at % beat == 0 else 0.72) for at in range(0, slot, 2)]
    out = [(start, 3, root, 0.9)]  # syncopated
    for at in range(2, slot):
        if rng.random() < (0.3 if at % 2 == 0 else 0.16):
            out.append(
                (
                    start + at,
                    1.5,
                    int(rng.choice([root, root, fifth, root + 12])),
                    float(rng.uniform(0.55, 0.8)),
                )
            )
    return out


def comping(
    rng: np.random.Generator,
    how: str,
    voicing: tuple[int, ...],
    root: int,
    start: int,
    slot: int,
    beat: int,
    rhythm: tuple[int, ...],
    steps_per_second: float,
) -> list[Event]:
    """A chord slot played one way; strums spread strings over about 12 ms each."""
    spread = 0.012 * steps_per_second
    if how == "power":
        return [(start, slot * 0.97, root + interval, 0.85) for interval in (12, 19, 24)]
    if how == "chug":
        chord = (root + 12, root + 19)
        out: list[Event] = []
        for at in range(slot):
            if at in rhythm or at % 2 == 0:
                accent = at in rhythm
                out += [
                    (start + at, 1.6 if accent else 0.7, pitch, 0.9 if accent else 0.6) for pitch in chord
                ]
        return out
    if how == "strum":
        out = []
        wide = (*voicing, voicing[0] + 12) if len(voicing) < 4 else voicing
        for index, at in enumerate(sorted({0, *rhythm})):
            if at >= slot:
                break
            strings = wide if index % 2 == 0 else wide[::-1][:3]
            out += [
                (
                    start + at + k * spread,
                    min(slot - at, 2 * beat),
                    pitch,
                    (0.8 if at == 0 else 0.58) - 0.03 * k,
                )
                for k, pitch in enumerate(strings)
            ]
        return out
    if how in ("stab", "scratch"):
        length = 1.2 if how == "stab" else 0.6
        return [
            (start + at, length, pitch, 0.8 if at in (0, beat) else 0.65)
            for at in rhythm
            if at < slot
            for pitch in voicing
        ]
    if how == "offbeat":
        return [(start + at, 1.3, pitch, 0.75) for at in range(2, slot, beat) for pitch in voicing]
    if how == "oompah":
        return [
            (start + at, beat * 0.7, pitch, 0.65)
            for at in range(beat, slot, beat if slot % (3 * 4) == 0 else 2 * beat)
            for pitch in voicing
        ]
    if how == "syncopated":
        return [(start + at, 2.5, pitch, 0.72) for at in rhythm if at < slot for pitch in voicing]
    if how == "broken":
        order = [0, len(voicing) - 1, 1, len(voicing) - 1] if len(voicing) > 2 else [0, 1]
        return [
            (
                start + at,
                min(slot - at, 3 * beat),
                voicing[order[(at // 2) % len(order)] % len(voicing)],
                0.72 if at % beat == 0 else 0.58,
            )
            for at in range(0, slot, 2)
        ]
    if how == "ostinato":
        return [
            (start + at, 1.4, pitch, 0.75 if at % beat == 0 else 0.6)
            for at in range(0, slot, 2)
            for pitch in voicing
        ]
    if how == "chip_arp":
        return [(start + at * 0.5, 0.5, voicing[at % len(voicing)], 0.7) for at in range(2 * slot)]
    return [(start, slot * 0.95, pitch, 0.75) for pitch in voicing]


def arpeggio(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    voicing: tuple[int, ...],
    start: int,
    slot: int,
    every: int,
) -> list[Event]:
    """A repeating figure through the chord, octaves above; `shape` indexes chord tones, beyond the chord an
    octave up.
    """
    size = len(voicing)
    out: list[Event] = []
    for index, at in enumerate(range(0, slot, every)):
        tone = shape[index % len(shape)]
        if tone < 0:
            continue
        out.append(
            (
                start + at,
                every * 1.2,
                voicing[tone % size] + 12 * (1 + tone // size),
                0.72 if at % 4 == 0 else 0.58,
            )
        )
    return out
