"""The alignment gate: do microphones that recorded together hear a drum at the same time, and stay so?

A pair fails when the median delay of its transients is more than 0.25 ms, when the delay drifts by more than a
sample a minute (two clocks), or when too few transients agree to tell. Drift is the slope of a Theil-Sen line
(Sen, JASA 63, 1968), which up to 29 % of wrong delays do not move. Inverted polarity is noticed, and fails a
pair only if asked to.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.delay import Peak
from tonewheel.audio.microphones import Listening, listen_to_session
from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.gates import html
from tonewheel.gates.base import Finding, Judgement, Limits, Verdict
from tonewheel.manifest.session import Session

Floats = NDArray[np.float64]


class PairAlignment(Record):
    """What was found for two microphones; delays are positive when `b` is late."""

    a: str
    b: str
    passed: bool
    support: int
    """Transients that both heard alike."""
    onsets: int
    """Transients that were tried."""
    median_ms: float | None = None
    mean_ms: float | None = None
    max_ms: float | None = None
    """The delay that is furthest from 0."""
    std_ms: float | None = None
    median_samples: float | None = None
    drift_samples_per_min: float | None = None
    drift_interval: tuple[float, float] | None = None
    """95 % interval of the drift (Sen)."""
    inverted: bool = False
    correlation: float | None = None
    """Median height of the correlation, 0..1."""
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class AlignmentGate(Limits):
    """Every pair of microphones is aligned to a quarter of a millisecond, and no clock runs away."""

    name: ClassVar[str] = "alignment"

    most_delay_ms: float = 0.25
    most_drift_samples_per_min: float = 1.0
    least_onsets: int = 20
    search_ms: float = 5.0
    least_correlation: float = 0.3
    """A transient counts for a pair when its correlation is at least this high."""
    inverted_fails: bool = False

    def check(self, session: Session, root: Path) -> Judgement:
        """Judge a session whose paths are relative to `root`; a file that cannot be decoded is a failure."""
        try:
            heard = listen_to_session(
                [root / mic.path for mic in session.mics], search_s=self.search_ms / 1000
            )
        except InputError as error:
            broken = Finding(path=error.path, reason=error.reason)
            detail = f"cannot be measured: {error.reason}"
            verdict = Verdict(
                gate=self.name, passed=False, value=None, limit=0, detail=detail, findings=(broken,)
            )
            return Judgement((verdict,), {"session_id": session.session_id, "pairs": []})
        names = [mic.name for mic in session.mics]
        judged = [self.judge(names[a], names[b], heard, (a, b)) for a, b in session.pairs]
        failed = [pair for pair, _, _ in judged if not pair.passed]
        verdict = Verdict(
            gate=self.name,
            passed=not failed,
            value=len(failed),
            limit=0,
            detail=f"{len(failed)} of {len(judged)} pairs of microphones are not aligned",
            findings=tuple(Finding(path=f"{p.a} / {p.b}", reason="; ".join(p.reasons)) for p in failed),
        )
        measured = {
            "session_id": session.session_id,
            "sample_rate_hz": heard.sample_rate_hz,
            "seconds": heard.seconds,
            "onsets": len(heard.heard),
            "notes": heard.notes,
            "pairs": [pair.to_dict() for pair, _, _ in judged],
        }
        return Judgement((verdict,), measured, _sections(judged, heard, self))

    def judge(
        self, a: str, b: str, heard: Listening, pair: tuple[int, int]
    ) -> tuple[PairAlignment, Floats, Floats]:
        """The figures of one pair, and the times (s) and delays (samples) that they come from."""
        peaks = [(one.time_s, one.peaks[pair]) for one in heard.heard]
        same, inverted = (_heights([both[sign] for _, both in peaks]) for sign in (0, 1))
        flipped = bool(inverted > same)
        kept = [
            (t, both[flipped]) for t, both in peaks if both[flipped].correlation >= self.least_correlation
        ]
        times = np.array([t for t, _ in kept])
        delays = np.array([peak.delay_samples for _, peak in kept])
        support: dict[str, Any] = {"a": a, "b": b, "support": len(kept), "onsets": len(peaks)}
        few = f"{len(kept)} of {len(peaks)} transients agree, at least {self.least_onsets} are needed"
        if len(kept) < 2:
            return PairAlignment(**support, passed=False, reasons=(few,)), times, delays
        ms = delays / heard.sample_rate_hz * 1000
        slope, low, high = _line(times / 60, delays)
        median_ms = float(np.median(ms))
        reasons = [few] if len(kept) < self.least_onsets else []
        if abs(median_ms) > self.most_delay_ms:
            who = b if median_ms > 0 else a
            reasons.append(
                f"{who} is {abs(median_ms):.3f} ms late, at most {self.most_delay_ms:g} ms is allowed"
            )
        if abs(slope) > self.most_drift_samples_per_min:
            limit = f"at most {self.most_drift_samples_per_min:g} is allowed"
            reasons.append(f"the delay drifts by {slope:+.2f} samples a minute, {limit}")
        notes: list[str] = []
        if flipped:
            (reasons if self.inverted_fails else notes).append("the polarity is inverted")
        if low <= 0 <= high and abs(slope) > self.most_drift_samples_per_min:
            notes.append("the drift may be chance: record for longer to be sure")
        if abs(median_ms) > 0.95 * self.search_ms:
            notes.append(f"the delay may be longer than the {self.search_ms:g} ms that are searched")
        found = PairAlignment(
            **support,
            passed=not reasons,
            median_ms=median_ms,
            mean_ms=float(ms.mean()),
            max_ms=float(ms[np.argmax(np.abs(ms))]),
            std_ms=float(ms.std()),
            median_samples=float(np.median(delays)),
            drift_samples_per_min=slope,
            drift_interval=(low, high),
            inverted=flipped,
            correlation=float(np.median([peak.correlation for _, peak in kept])),
            reasons=tuple(reasons),
            notes=tuple(notes),
        )
        return found, times, delays


def _heights(peaks: Sequence[Peak]) -> float:
    """How well one polarity explains all transients: the sum of squares prefers what fits where it is clear."""
    return sum(peak.correlation**2 for peak in peaks)


def _line(minutes: Floats, delays: Floats) -> tuple[float, float, float]:
    """Slope of the Theil-Sen line with its 95 % interval."""
    if np.ptp(minutes) == 0:
        return 0.0, 0.0, 0.0
    from scipy.stats import theilslopes

    found = theilslopes(delays, minutes, alpha=0.95)
    return float(found.slope), float(found.low_slope), float(found.high_slope)


def _sections(
    judged: Sequence[tuple[PairAlignment, Floats, Floats]], heard: Listening, gate: AlignmentGate
) -> tuple[html.Markup, ...]:
    header = [
        "pair",
        "verdict",
        "median ms",
        "mean ms",
        "max ms",
        "std ms",
        "drift samples/min",
        "support",
        "",
    ]
    rows = [
        (
            f"{p.a} / {p.b}",
            html.badge(p.passed),
            p.median_ms,
            p.mean_ms,
            p.max_ms,
            p.std_ms,
            p.drift_samples_per_min,
            f"{p.support} of {p.onsets}",
            "; ".join((*p.reasons, *p.notes)),
        )
        for p, _, _ in judged
    ]
    table = html.section("Pairs of microphones", html.table(header, rows), *heard.notes)
    seen = [one for one in judged if len(one[1]) > 1]
    return (table, html.section("Delay over time", _picture(seen, heard, gate))) if seen else (table,)


def _picture(
    judged: Sequence[tuple[PairAlignment, Floats, Floats]], heard: Listening, gate: AlignmentGate
) -> html.Markup:
    from matplotlib.figure import Figure

    shown = judged[:15]
    figure = Figure(figsize=(8, 1.9 * len(shown)), layout="constrained")
    axes: Any = np.atleast_1d(figure.subplots(len(shown), 1, sharex=True))
    for axis, (pair, times, delays) in zip(axes, shown, strict=True):
        ms = delays / heard.sample_rate_hz * 1000
        axis.axhspan(-gate.most_delay_ms, gate.most_delay_ms, color="#1d6b45", alpha=0.12, lw=0)
        axis.plot(times, ms, ".", ms=4, color="#1d6b45" if pair.passed else "#a8321f")
        slope = (pair.drift_samples_per_min or 0.0) / heard.sample_rate_hz * 1000 / 60
        axis.plot(times, np.median(ms) + slope * (times - np.median(times)), color="#1c1b19", lw=1)
        axis.set_title(f"{pair.a} / {pair.b}", fontsize=9, loc="left")
        axis.set_ylabel("ms", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("s", fontsize=8)
    caption = "Each point is a transient; the line is its median and drift, the band what the gate allows."
    return html.figure(figure, caption, "delay of each pair of microphones over time")
