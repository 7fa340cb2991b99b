"""What is known of how hard a hit was, and how open the hat, from names and layers of one-shot packs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from tonewheel.systems.drums.stage.kits import Shot

FEWEST_LAYERS = 3
LOUDEST = 1.0005
"""The order of a hit without a layer is its peak, so what lies above full scale has a layer."""
HATS = frozenset({"hihat_closed", "hihat_open", "hihat_pedal"})

_OPENNESS = (
    (r"semi-?open(?P<eighths>[1-7])", None),
    (r"semi|half|^hh$", 0.5),
    (r"loose|^hl$", 0.7),
    (r"swish", None),  # the foot moves during the stroke
    (r"closed|tight|pedal|foot|^h[cft]$", 0.0),
    (r"open|^ho$", 1.0),
)


def drum_of(shot: Shot) -> tuple[str, str]:
    """The physical drum of a hit: its kit, and its instrument without the number of a take or layer."""
    return shot.kit, re.sub(r"[-_]\d+$", "", shot.instrument)


def velocities(shots: Iterable[Shot]) -> dict[tuple[int, str], float]:
    """Velocity 0..1 of every hit that has one, by (start, kit): its rank among the hits of the same drum.

    A pack tells layers (1..n, P, MP, F), not how hard; so a hit's velocity is the middle of its layer's place
    when all hits of one drum are put in order, and only drums with three hits or more, of two layers or more,
    have velocities. A pack without layers is ordered by peak.
    """
    from scipy.stats import rankdata

    drums: dict[tuple[str, str], list[Shot]] = defaultdict(list)
    for shot in shots:
        drums[drum_of(shot)].append(shot)
    found = {}
    for own in drums.values():
        layer = np.array([shot.strength for shot in own])
        if layer.max() > LOUDEST:  # layers are whole or half numbers; a tenth of the peak was added to them
            layer = np.floor(2 * layer) / 2
        if len(own) < FEWEST_LAYERS or np.ptp(layer) == 0:
            continue
        for shot, rank in zip(own, rankdata(layer), strict=True):
            found[shot.start, shot.kit] = float((rank - 0.5) / len(own))
    return found


def peak_db(shot: Shot) -> float | None:
    """Peak of the file that a layered hit came from, dB under full scale; None where that is not known.

    Prepared hits are levelled; but a tenth of the peak is in the order of those with layers (`strength_of`).
    """
    peak = 10 * (shot.strength % 1)
    return (
        20 * float(np.log10(peak)) if not shot.synthetic and shot.strength > LOUDEST and peak > 1e-4 else None
    )


def openness_of(shot: Shot) -> float | None:
    """How open the hat was, 0..1, from the name of its instrument; None for other drums and unclear names.

    Half open is 0.5, loose 0.7, semi-open n of 7 is n/8.

    >>> hat = Shot(kit="a", instrument="hihatSemiOpen6", label="hihat_open", strength=1, start=0, length=1,
    ...            split="train", licence="CC0")
    >>> openness_of(hat)
    0.75
    """
    if shot.label not in HATS:
        return None
    for pattern, value in _OPENNESS:
        if match := re.search(pattern, drum_of(shot)[1], re.IGNORECASE):
            eighths = match.groupdict().get("eighths")
            return int(eighths) / 8 if eighths else value
    return None
