"""F scores with intervals of 100,000 examples and 12 labels, 1,000 resamples, beside a loop over examples.

    python benchmarks/bootstrap.py [--examples 100000] [--resamples 1000] [--quick]

The loop is what a script does: draw examples, look up the labels of each, count, divide. It makes a few
resamples, as many as take some seconds, and its time is multiplied up; every resample costs it the same. The
intervals are compared where it costs little: 2,000 examples and all resamples, in which the sessions drawn are
the same and so the intervals must be equal, and single examples are drawn otherwise and may differ by chance.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from measure import best_s, peak_mb, processor_s
from numpy.typing import NDArray

from tonewheel.metrics.multilabel import f_intervals

LABELS = [f"label{number}" for number in range(12)]
Table = NDArray[np.bool_]


def made(examples: int) -> tuple[Table, Table, NDArray[np.int64]]:
    """References, estimates (2 % of the cells wrong) and sessions of 50 examples."""
    rng = np.random.default_rng(0)
    references = np.eye(len(LABELS), dtype=bool)[rng.integers(0, len(LABELS), examples)]
    references |= rng.random(references.shape) < 0.03
    return references, references ^ (rng.random(references.shape) < 0.02), np.arange(examples) // 50


def loop(references: Table, estimates: Table, groups: NDArray[np.int64], resamples: int) -> list[float]:
    """Micro F of every resample, one example after the other."""
    rng = np.random.default_rng(1)
    true = [set(np.flatnonzero(row).tolist()) for row in references]
    said = [set(np.flatnonzero(row).tolist()) for row in estimates]
    members = [np.flatnonzero(groups == group).tolist() for group in range(int(groups.max()) + 1)]
    found = []
    for _ in range(resamples):
        hits = total = 0
        hit, wrong, missed = [0] * len(LABELS), [0] * len(LABELS), [0] * len(LABELS)
        for group in rng.integers(0, len(members), len(members)).tolist():
            for example in members[group]:
                for label in true[example]:
                    if label in said[example]:
                        hit[label] += 1
                    else:
                        missed[label] += 1
                for label in said[example]:
                    if label not in true[example]:
                        wrong[label] += 1
        hits, total = sum(hit), 2 * sum(hit) + sum(wrong) + sum(missed)
        found.append(2 * hits / total)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="5,000 examples: whether it runs, not how fast")
    options = parser.parse_args()
    examples = 5_000 if options.quick else options.examples
    references, estimates, sessions = made(examples)
    singles, resamples = np.arange(examples), options.resamples
    before_mb = peak_mb()

    def ours(groups: NDArray[np.int64] | None) -> object:
        rng = np.random.default_rng(1)
        return f_intervals(references, estimates, LABELS, rng=rng, groups=groups, resamples=resamples)

    alone_s, grouped_s = best_s([lambda: ours(None), lambda: ours(sessions)])
    grown_mb = peak_mb() - before_mb
    tries = 3
    began = processor_s()
    loop(references, estimates, singles, tries)
    all_tries_s = processor_s() - began
    began = processor_s()
    loop(references, estimates, singles, 0)
    loop_s = (all_tries_s - (processor_s() - began)) / tries * resamples
    print(f"{examples} examples, {len(LABELS)} labels, {resamples} resamples; {grown_mb:.0f} MB more memory")
    print(f"{'':22s} {'s':>9s} {'x':>7s}")
    print(f"{'examples drawn':22s} {alone_s:9.3f} {loop_s / alone_s:7.0f}")
    print(f"{'sessions drawn':22s} {grouped_s:9.3f} {loop_s / grouped_s:7.0f}")
    print(f"{'loop over examples':22s} {loop_s:9.1f} {1:7d}   (from {tries} resamples)")

    references, estimates, sessions = (part[:2_000] for part in made(2_000))
    resamples = 200 if options.quick else 1000
    for name, groups in (("sessions", sessions), ("examples", None)):
        found = f_intervals(
            references, estimates, LABELS, rng=np.random.default_rng(1), groups=groups, resamples=resamples
        )["micro"]
        drawn = loop(references, estimates, np.arange(2_000) if groups is None else groups, resamples)
        low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
        print(
            f"2000 examples, {name} drawn: [{found.low:.5f}, {found.high:.5f}], loop [{low:.5f}, {high:.5f}]"
        )


if __name__ == "__main__":
    main()
