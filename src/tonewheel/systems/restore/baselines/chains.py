"""The rows of the table: for each kind of damage, what a user would reach for, as it comes and tuned.

Tuned means: the best of a grid on validation clips (`tuned`), never on what is reported.
"""

from __future__ import annotations

from tonewheel.systems.restore.baselines.base import Baseline
from tonewheel.systems.restore.baselines.ffmpeg import adeclick, adeclick_afftdn
from tonewheel.systems.restore.baselines.sox import noisered

NOTHING = Baseline("do nothing", lambda audio, _rate, _groove: audio)
ADECLICK = "a=8:m=s"
AFFTDN = {"hiss20": "nr=12:nf=-38", "hiss10": "nr=18:nf=-26"}
NOISERED = 0.1


def baselines(case: str) -> list[Baseline]:
    """What stands beside ours for a case of the benchmark.

    >>> [one.name for one in baselines("clicks")]
    ['do nothing', 'ffmpeg adeclick', 'ffmpeg adeclick=a=8:m=s', 'sox noisered 0.1']
    """
    rows = [NOTHING, adeclick(), adeclick(ADECLICK)]
    if case in AFFTDN:
        rows += [adeclick_afftdn("", ""), adeclick_afftdn(ADECLICK, AFFTDN[case])]
    return [*rows, noisered(NOISERED)]
