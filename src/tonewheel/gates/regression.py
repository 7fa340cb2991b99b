"""The regression gate: what was answered rightly before must not be lost.

The questions are frozen, so both sides answer the same ones, and their difference is that of the models alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tonewheel.gates.base import Finding, Limits, Verdict

SHOWN = 20


class RegressionGate(Limits):
    """A challenger answers no smaller share of a frozen set rightly than the champion, by default not one fewer.

    >>> RegressionGate().check(["a", "b"], [True, False], [True, True]).passed
    True
    >>> print(RegressionGate().check(["a", "b"], [True, True], [True, False]))
    FAILED regression: 2 before, 1 after of 2 right (-50.0 points, at most 0 may be lost); 1 lost, 0 won
    """

    name: ClassVar[str] = "regression"

    most_lost: float = 0.0
    """Share of the set by which the challenger may be worse."""

    def check(self, questions: Sequence[str], before: Sequence[bool], after: Sequence[bool]) -> Verdict:
        """Judge two models' answers to the same questions: right or not, and the questions' names for the report."""
        old, new = np.asarray(before, bool), np.asarray(after, bool)
        if not len(questions) == len(old) == len(new):
            raise ValueError(f"{len(questions)} questions, {len(old)} and {len(new)} answers")
        if not len(questions):
            detail = "the frozen set is empty, so nothing can be said"
            return Verdict(gate=self.name, passed=False, value=None, limit=-self.most_lost, detail=detail)
        change = float(new.mean() - old.mean())
        lost = np.flatnonzero(old & ~new)
        detail = (
            f"{old.sum()} before, {new.sum()} after of {len(new)} right ({100 * change:+.1f} points, at most"
            f" {100 * self.most_lost:g} may be lost); {len(lost)} lost, {(new & ~old).sum()} won"
        )
        return Verdict(
            gate=self.name,
            passed=change >= -self.most_lost - 1e-12,
            value=round(change, 6),
            limit=-self.most_lost,
            detail=detail,
            findings=tuple(
                Finding(path=questions[number], reason="was right, is wrong") for number in lost[:SHOWN]
            ),
        )
