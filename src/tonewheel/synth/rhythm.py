"""Drum patterns: a groove's kick, backbeat and time-keeping, with ghosts, fills, crashes and dynamics."""

from __future__ import annotations

import numpy as np

from tonewheel.synth.score import ENERGY

Hit = tuple[int, str, float]
"""(step in the section, label, velocity)."""

# Kick and snare steps of a 16-step bar, and the steps a bar may add to the kick.
GROOVES: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    "rock": ((0, 8), (4, 12), (6, 10, 14, 7, 3)),
    "pop": ((0, 8), (4, 12), (10, 6, 14)),
    "metal": ((0, 4, 8, 12), (4, 12), (2, 6, 10, 14, 1, 3, 5, 7)),
    "half_time": ((0,), (8,), (6, 10, 14, 3)),
    "ballad": ((0, 8), (4, 12), (10, 7)),
    "four_floor": ((0, 4, 8, 12), (4, 12), (14,)),
    "hiphop": ((0, 10), (4, 12), (2, 7, 8, 11, 14, 3)),
    "trap": ((0, 10), (8,), (3, 6, 7, 14)),
    "funk": ((0, 10), (4, 12), (2, 3, 6, 7, 11, 14)),
    "swing": ((0,), (), (8, 11, 14)),
    "folk": ((0, 8), (4, 12), (10,)),
    "train": ((0, 8), (), (10,)),
    "one_drop": ((8,), (), (0,)),
    "bossa": ((0, 6, 8, 14), (), ()),
    "latin": ((0, 6, 8, 14), (), (3, 11)),
    "timpani": ((), (), ()),
}
CLAVES = ((0, 3, 6, 10, 12), (0, 3, 6, 10, 13), (2, 4, 8, 11, 14), (0, 3, 7, 10, 12), (0, 4, 7, 10, 14))


def pattern(rng: np.random.Generator, groove: str, bar: int, beat: int, energy: float) -> list[Hit]:
    """One bar's pattern that a section repeats; `bar` and `beat` in steps."""
    hits: list[Hit] = []
    if groove == "timpani":
        for step in range(0, bar, beat):
            if rng.random() < (0.9 if step == 0 else 0.25 * energy):
                hits.append(
                    (step, str(rng.choice(["tom_low", "tom_low", "tom_mid", "kick"])), 0.5 + 0.4 * energy)
                )
        if energy > 0.6:
            hits += [
                (step, "snare", 0.25 + 0.2 * (step % beat == 0))
                for step in range(bar)
                if rng.random() < 0.35 * energy
            ]
        return hits
    if bar == 16:
        kick, snare, extra = GROOVES[groove]
    elif beat == 6:
        kick, snare, extra = (0,), (6,), (4, 8, 10)
    else:
        kick, snare, extra = (0,), ((4, 8) if rng.random() < 0.6 else (8,)), (6, 10)
    backbeat = "snare" if energy > 0.5 or rng.random() < 0.6 else "cross_stick"
    hits += [(step, "kick", 0.9 if step == 0 else 0.8) for step in kick]
    hits += [(step, "kick", 0.65) for step in extra if rng.random() < 0.15 + 0.3 * energy]
    hits += [(step, backbeat, 0.9) for step in snare]
    if groove == "one_drop":
        hits.append((8, "cross_stick", 0.8))
    if groove in ("bossa", "latin"):
        clave = CLAVES[int(rng.integers(len(CLAVES)))]
        hits += [
            (step % bar, "cross_stick" if groove == "bossa" else "aux_percussion", 0.7) for step in clave
        ]
    if groove == "train":
        hits += [(step, "snare", 0.75 if step % beat == 2 * (beat // 4) else 0.3) for step in range(bar)]
    ghosts = {"funk": 0.35, "hiphop": 0.15, "rock": 0.1, "swing": 0.12}.get(groove, 0.05)
    taken = {step for step, label, _ in hits if label in ("snare", "cross_stick")}
    hits += [
        (step, "snare", float(rng.uniform(0.1, 0.28)))
        for step in range(bar)
        if step % 2 and step not in taken and rng.random() < ghosts
    ]
    hits += _time_keeping(rng, groove, bar, beat, energy)
    if energy > 0.5 and rng.random() < 0.3:
        step = 2 if rng.random() < 0.6 else 1
        hits += [(at, "aux_percussion", 0.55 if at % beat == 0 else 0.35) for at in range(0, bar, step)]
    return hits


def _time_keeping(rng: np.random.Generator, groove: str, bar: int, beat: int, energy: float) -> list[Hit]:
    if groove == "swing":
        ride = [(step, "ride", 0.75 if step % 8 == 4 else 0.6) for step in range(0, bar, beat)]
        ride += [(step + 2, "ride", 0.4) for step in range(beat, bar, 2 * beat) if rng.random() < 0.85]
        return ride + [(step, "hihat_pedal", 0.6) for step in range(beat, bar, 2 * beat)]
    if groove == "four_floor":
        hats: list[Hit] = [(step, "hihat_open", 0.75) for step in range(2, bar, beat)]
        if rng.random() < 0.7:
            hats += [
                (step, "hihat_closed", 0.4 + 0.2 * (step % 2 == 0)) for step in range(bar) if step % 4 != 2
            ]
        return hats
    label = "ride" if energy > 0.8 and rng.random() < 0.45 else "hihat_closed"
    every = 2
    if (groove in ("trap", "funk", "metal") and rng.random() < 0.6) or rng.random() < 0.15:
        every = 1
    elif rng.random() < 0.12 or (groove == "folk" and rng.random() < 0.4):
        every = beat
    out: list[Hit] = []
    for step in range(0, bar, every):
        accent = 0.75 if step % beat == 0 else 0.5 if step % 2 == 0 else 0.35
        out.append((step, label, accent * (0.8 + 0.25 * energy)))
    if label == "hihat_closed" and rng.random() < 0.45 and out:
        at = int(rng.integers(len(out)))
        out[at] = (out[at][0], "hihat_open", 0.7)
    if groove == "trap":
        start = int(rng.choice([6, 10, 14]))
        out += [(min(bar - 1, start + k), "hihat_closed", 0.45) for k in (1,)]
    return out


def fill(rng: np.random.Generator, beat: int, energy: float) -> list[Hit]:
    """A fill of one or two beats on snare and toms, rising; steps count from its start."""
    length = beat * (2 if rng.random() < 0.6 else 1)
    order = ["snare", "tom_high", "tom_mid", "tom_low"]
    chance = 0.5 + 0.4 * energy
    hits: list[Hit] = []
    for step in range(length):
        if step % 2 and rng.random() > chance:
            continue
        label = order[min(3, int(4 * step / length))] if rng.random() < 0.8 else "snare"
        hits.append((step, label, min(1.0, 0.5 + 0.45 * step / length + rng.uniform(-0.1, 0.1))))
    return hits


def section_drums(
    rng: np.random.Generator,
    groove: str,
    section: str,
    bars: int,
    bar: int,
    beat: int,
    amount: float,
    last: bool,
) -> list[Hit]:
    """All hits of a section: the pattern with small changes every other bar, a crash at the start, a fill at
    the end.
    """
    energy = ENERGY[section] * (0.6 + 0.4 * amount)
    first, second = pattern(rng, groove, bar, beat, energy), pattern(rng, groove, bar, beat, energy)
    sparse = section in ("intro", "break", "outro") and rng.random() < 0.5
    hits: list[Hit] = []
    for index in range(bars):
        bar_hits = first if index % 4 != 3 or rng.random() < 0.5 else second
        if sparse:
            bar_hits = [
                hit
                for hit in bar_hits
                if hit[1].startswith("hihat") or hit[1] == "ride" or index >= bars // 2
            ]
        ending = index == bars - 1 and bars > 1 and groove not in ("timpani", "bossa") and rng.random() < 0.85
        tail = fill(rng, beat, energy) if ending else []
        cut = bar - (2 * beat if any(step >= beat for step, _, _ in tail) else beat) if tail else bar
        hits += [(index * bar + step, label, velocity) for step, label, velocity in bar_hits if step < cut]
        hits += [
            (index * bar + cut + step, label, velocity) for step, label, velocity in tail if cut + step < bar
        ]
    if section in ("chorus", "solo", "verse") and energy > 0.45 and rng.random() < 0.85:
        hits.append((0, "crash", 0.85))
    if last:
        hits = [hit for hit in hits if hit[0] < bars * bar]
    return [(step, label, velocity * (0.75 + 0.25 * energy)) for step, label, velocity in sorted(set(hits))]
