"""The six stems of a mix: what belongs to which, and how they fold into the usual four or two.

Every sound of a mix belongs to exactly one stem, so the stems sum to the mix. The border between `bass` and
`sub` is a crossover inside one instrument, not between two: what the bass instrument plays below
`SUB_CROSSOVER_HZ` is `sub`, and `bass + sub` is that instrument. A kick drum stays whole in `drums`, however
low it reaches.
"""

from __future__ import annotations

from types import MappingProxyType

STEMS = ("vocals", "drums", "bass", "harmonic", "perc", "sub")
"""Their order in every array whose first axis is the stem."""

SUB_CROSSOVER_HZ = 60.0
"""Where a bass instrument is divided: -6 dB in both halves, in phase, so that they sum exactly."""

DEFINITIONS = MappingProxyType(
    {
        "vocals": "lead and backing voices, sung, spoken or rapped",
        "drums": "the kit: what a drummer (or a machine in that role) strikes with stick, hand or pedal",
        "bass": f"the bass instrument (bass guitar, upright, synth bass, 808) above {SUB_CROSSOVER_HZ:g} Hz",
        "harmonic": "pitched accompaniment and solos: guitars, keys, strings, winds, synths, pads",
        "perc": "percussion that is not the kit: shaker, tambourine, conga, claps, cowbell, triangle",
        "sub": f"the bass instrument below {SUB_CROSSOVER_HZ:g} Hz; the kick is not in it",
    }
)

FOLD_6 = MappingProxyType({stem: (stem,) for stem in STEMS})
FOLD_4 = MappingProxyType(
    {"vocals": ("vocals",), "drums": ("drums",), "bass": ("bass", "sub"), "other": ("harmonic", "perc")}
)
"""The four of the field (MUSDB18); their `other` holds percussion beside the pitched accompaniment."""

FOLD_2 = MappingProxyType({"vocals": ("vocals",), "accompaniment": STEMS[1:]})
"""For karaoke: the voices, and all the rest."""

FOLDS = MappingProxyType({6: FOLD_6, 4: FOLD_4, 2: FOLD_2})


def fold_rows(count: int) -> dict[str, list[int]]:
    """Which rows of a (6, ...) array add up to each stem of the fold into `count` (6, 4 or 2) stems.

    >>> fold_rows(4)["other"]
    [3, 4]
    >>> fold_rows(3)
    Traceback (most recent call last):
    ValueError: stems fold into 6, 4 or 2, not into 3
    """
    if count not in FOLDS:
        raise ValueError(f"stems fold into 6, 4 or 2, not into {count}")
    return {name: [STEMS.index(member) for member in members] for name, members in FOLDS[count].items()}
