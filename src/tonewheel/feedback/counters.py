"""What the service counts, in the text format of Prometheus (version 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
PREFIX = "tonewheel_feedback"


class Counters:
    """Answers by kind and outcome, and how long the acknowledged ones took.

    >>> counters = Counters()
    >>> counters.answered("stems", "stored", 0.003)
    >>> print(counters.text({"waiting": 0}).splitlines()[2])
    tonewheel_feedback_answers_total{kind="stems",outcome="stored"} 1
    """

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, str]] = Counter()
        self._seconds = [0] * (len(BOUNDS_S) + 1)
        self._seconds_sum = 0.0

    def answered(self, kind: str, outcome: str, seconds: float | None = None) -> None:
        """Count one answer; `seconds` from the request's head to the acknowledgement, where there was one."""
        self._answers[kind, outcome] += 1
        if seconds is not None:
            self._seconds[bisect_left(BOUNDS_S, seconds)] += 1
            self._seconds_sum += seconds

    def text(self, gauges: dict[str, float]) -> str:
        """Everything that was counted, with some values of now."""
        return "\n".join([*self._lines(gauges), ""])

    def _lines(self, gauges: dict[str, float]) -> Iterator[str]:
        yield f"# HELP {PREFIX}_answers_total Requests by what became of them."
        yield f"# TYPE {PREFIX}_answers_total counter"
        for (kind, outcome), count in sorted(self._answers.items()):
            yield f'{PREFIX}_answers_total{{kind="{kind}",outcome="{outcome}"}} {count}'
        yield f"# HELP {PREFIX}_acknowledged_seconds From the request's head to the acknowledgement."
        yield f"# TYPE {PREFIX}_acknowledged_seconds histogram"
        so_far = 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self._seconds, strict=True):
            so_far += count
            yield f'{PREFIX}_acknowledged_seconds_bucket{{le="{bound}"}} {so_far}'
        yield f"{PREFIX}_acknowledged_seconds_sum {self._seconds_sum:.6f}"
        yield f"{PREFIX}_acknowledged_seconds_count {so_far}"
        for name, value in gauges.items():
            yield f"# TYPE {PREFIX}_{name} gauge"
            yield f"{PREFIX}_{name} {value:g}"
