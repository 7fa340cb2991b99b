"""Passes over manifests of drum events: time and memory beside a plain Python loop and pandas, from one run.

    python benchmarks/manifests.py [--full | --events 200000] [--sample 100000] [--scratch FOLDER] [--quick]

Two synthesised manifests, as skewed as real ones (few long sessions, most short), are merged; health and weights
are of the merged one, and compare is of it and of what it was before 1 % was added. Each pass runs in a process of
its own, so that its memory is its own. The plain loop and pandas get a sample of the lines where they would take
long; their time is then scaled by lines, their memory is not. `--full` is 7,391,699 events in 49,967 sessions,
about 3 GB a file and 10 GB of scratch in all, which is removed in the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import plain_manifests as plain
from measure import peak_mb

FULL = (7_391_699, 49_967)
PASSES = ("health", "merge", "compare", "weights")
ALLOWED = (120.0, 1000.0)
LABELS = {
    "hihat_closed": 0.31, "kick": 0.24, "snare": 0.2, "ride": 0.07, "hihat_open": 0.035, "hihat_pedal": 0.03,
    "tom_low": 0.025, "tom_mid": 0.02, "tom_high": 0.02, "crash": 0.02, "rimshot": 0.01, "cross_stick": 0.008,
    "ride_bell": 0.004, "crash2": 0.003, "splash": 0.002, "china": 0.001, "aux_percussion": 0.002,
}  # fmt: skip
TECHNIQUES = {"ghost_note": 0.06, "flam": 0.01, "hihat_bark": 0.004, "crash_dual_label": 0.0018}


def sizes(events: int, sessions: int, rng: np.random.Generator) -> np.ndarray:
    """How many events each session has: log-normal, exact in total, at least 1 each."""
    shares = rng.lognormal(0.0, 1.2, sessions)
    counts = 1 + np.floor(shares / shares.sum() * (events - sessions)).astype(np.int64)
    counts[: events - int(counts.sum())] += 1
    return counts


def lines(source: str, counts: np.ndarray, rng: np.random.Generator) -> Iterator[str]:
    """Blocks of lines, one session at a time; nothing is kept."""
    labels, shares = list(LABELS), np.array(list(LABELS.values()))
    cut = np.cumsum(shares / shares.sum())[:-1]
    buckets = ("ghost", "light", "medium", "accent")
    for session, count in enumerate(counts.tolist()):
        struck = np.searchsorted(cut, rng.random((count, 2)))
        both = rng.random(count) < 0.22
        velocity = rng.beta(4, 2, (count, 2)).round(3)
        onset = np.cumsum(rng.gamma(2.0, 0.09, count)).round(4)
        level = rng.normal(-22, 4, count).round(2)
        drawn = rng.random((count, len(TECHNIQUES))) < list(TECHNIQUES.values())
        tempo = float(rng.integers(70, 180))
        head = (
            f'"session_id":"{source}_{session:05d}","track_id":"{source}_{session:05d}_t","drummer_id":'
            f'"drummer{session % 61}","kit_id":"kit{session % 17}","room_id":"room{session % 9}","source_set":'
            f'"{source}","is_synthetic":{"true" if session % 3 == 0 else "false"},"negative_example":false,'
            f'"audio_path":"audio/{source}/{session:05d}.flac"'
        )
        tail = (
            '"context_ms":{"pre":50,"post":200},"label_method":"midi","bleed_level":"low","mix_context":'
            f'"{("full_mix", "overheads", "close_mic")[session % 3]}"'
        )
        block = []
        for n in range(count):
            parts = []
            for k in range(2 if both[n] else 1):
                label, hard = labels[struck[n, k]], velocity[n, k]
                more = ""
                if label.startswith("hihat"):
                    more = f',"openness":{hard:.2f},"openness_raw":{int(hard * 127)}'
                parts.append(
                    f'{{"label":"{label}","velocity":{hard},"dynamic_bucket":"{buckets[int(hard * 3.99)]}"{more}}}'
                )
            techniques = ",".join(f'"{name}"' for name, has in zip(TECHNIQUES, drawn[n], strict=True) if has)
            block.append(
                f'{{"sample_id":"{source}_{session:05d}_{n:06d}",{head},"onset_time":{onset[n]},"tempo_bpm":'
                f'{tempo},"meter":"4/4","bar_index":{n // 16},"beat_index":{n // 4 % 4},"components":['
                f'{",".join(parts)}],"techniques":[{techniques}],{tail},"loudness":{{"LUFS_i":{level[n]},'
                f'"peak_dbfs":{level[n] / 3:.2f}}}}}\n'
            )
        yield "".join(block)


def generate(folder: Path, events: int, sessions: int) -> list[Path]:
    """Two manifests that hold `events` together."""
    rng = np.random.default_rng(0)
    counts = sizes(events, sessions, rng)
    paths = []
    for source, own in (("groove", counts[: sessions // 2]), ("slakh", counts[sessions // 2 :])):
        paths.append(folder / f"{source}.jsonl")
        with paths[-1].open("w") as file:
            file.writelines(lines(source, own, rng))
    return paths


def sampled(paths: list[Path], folder: Path, share: float) -> list[Path]:
    """The first lines of each file."""
    if share >= 1:
        return paths
    folder.mkdir(exist_ok=True)
    made = []
    for path in paths:
        made.append(folder / path.name)
        left = int(path.stat().st_size * share)
        with path.open("rb") as whole, made[-1].open("wb") as part:
            while left > 0 and (line := whole.readline()):
                part.write(line)
                left -= len(line)
    return made


def older(path: Path, out: Path) -> None:
    """A manifest before 1 % of its lines were added, with one label less."""
    with path.open("rb") as new, out.open("wb") as old:
        old.writelines(line.replace(b'"crash2"', b'"crash"') for n, line in enumerate(new) if n % 100 != 7)


def ours(name: str, folder: Path, parts: list[Path]) -> Any:
    from tonewheel.core.progress import quiet
    from tonewheel.manifest.events import compare, health, merge, weights

    quiet(True)
    whole, before = folder / "all.jsonl", folder / "before.jsonl"
    if name == "merge":
        return merge.merge(parts, whole, dedupe=False).events
    if name == "compare":
        found = compare.compare(before, whole)
        return [found.candidate.total_events, len(found.sessions.changed), found.components.added]
    if name == "weights":
        made = weights.derive_weights([whole], weights.WeightOptions(min_weight=0.05, max_weight=0.5))
        return [len(made.weights), round(sum(one.weight for one in made.weights.values()), 6)]
    figures = health.measure_health([whole])
    return [figures.summary["events_total"], figures.summary["unique_sessions"], figures.technique_counts]


def loop(name: str, folder: Path, parts: list[Path], check: bool = False) -> Any:
    from tonewheel.manifest.components import label_names

    whole, before = folder / "all.jsonl", folder / "before.jsonl"
    if name == "merge":
        return plain.merge(parts, whole, check=check)[0]
    if name == "compare":
        old, new = plain.count(before, check=check), plain.count(whole, check=check)
        changed = sum(new[1][one] != n for one, n in old[1].items() if one in new[1])
        return [new[0], changed, {one: n for one, n in new[2].items() if one not in old[2]}]
    if name == "weights":
        made = plain.weights([whole], min_weight=0.05, max_weight=0.5, check=check)
        return [len(made), round(sum(made[group]["weight"] for group in sorted(made)), 6)]
    figures = plain.health([whole], label_names(), check=check)
    techniques = dict(sorted(figures["technique_counts"].items()))
    return [figures["summary"]["events_total"], figures["summary"]["unique_sessions"], techniques]


def pandas(name: str, folder: Path, parts: list[Path]) -> Any:
    import pandas as pd

    def read(path: Path) -> pd.DataFrame:
        return pd.read_json(path, lines=True, dtype=False, convert_dates=False)

    def labels(frame: pd.DataFrame) -> pd.Series:
        return frame["components"].explode().dropna().map(lambda one: one["label"])

    whole, before = folder / "all.jsonl", folder / "before.jsonl"
    if name == "merge":
        frame = pd.concat([read(path) for path in parts])
        frame.to_json(folder / "pandas.jsonl", orient="records", lines=True)
        frame["sample_id"].duplicated().sum()
        return len(frame)
    if name == "compare":
        old, new = read(before), read(whole)
        both = pd.DataFrame(
            {"old": old["session_id"].value_counts(), "new": new["session_id"].value_counts()}
        )
        counted = pd.DataFrame({"old": labels(old).value_counts(), "new": labels(new).value_counts()})
        for frame in (old, new):
            frame["techniques"].explode().value_counts()
        added = counted[counted["old"].isna()]["new"].astype(int).to_dict()
        both = both.dropna()
        return [len(new), int((both["old"] != both["new"]).sum()), added]
    frame = read(whole)
    if name == "weights":
        weight = (frame.groupby("session_id").size().sort_index() ** -0.5).clip(0.05, 0.5)
        held = frame[["session_id", "techniques"]].explode("techniques")
        pd.crosstab(held["session_id"], held["techniques"])
        return [len(weight), round(sum(weight.tolist()), 6)]
    exploded = frame[["is_synthetic", "components"]].explode("components").dropna()
    struck = pd.DataFrame(exploded["components"].tolist())
    struck["is_synthetic"] = exploded["is_synthetic"].to_numpy()
    struck.groupby(["label", "is_synthetic"]).size()
    struck.groupby(["label", "dynamic_bucket"]).size()
    np.histogram(struck["openness"].dropna(), 10, (0, 1))
    frame["sample_id"].duplicated().sum()
    frame["audio_path"].value_counts()
    pd.DataFrame(frame["loudness"].tolist()).agg(["min", "max", "mean", "median"])
    for column in ("bleed_level", "mix_context", "negative_example", "drummer_id"):
        frame[column].value_counts()
    techniques = frame["techniques"].explode().value_counts().sort_index().to_dict()
    return [len(frame), frame["session_id"].nunique(), {name: int(n) for name, n in techniques.items()}]


def checked(name: str, folder: Path, parts: list[Path]) -> Any:
    """The plain loop that also looks whether each line is an event, as ours does."""
    return loop(name, folder, parts, check=True)


METHODS = {"tonewheel": ours, "plain loop": loop, "and checked": checked, "pandas": pandas}


def child(method: str, name: str, folder: Path) -> None:
    began = time.monotonic()
    answer = METHODS[method](name, folder, [folder / "groove.jsonl", folder / "slakh.jsonl"])
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = time.monotonic() - began
    cpu = used.ru_utime + used.ru_stime
    print(json.dumps({"seconds": seconds, "cpu": cpu, "mb": peak_mb(), "answer": answer}))


def measured(method: str, name: str, folder: Path) -> dict[str, Any] | None:
    """Run one pass in a process of its own; None when pandas is not there."""
    command = [sys.executable, __file__, "--child", method, name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        if "No module named 'pandas'" in done.stderr:
            return None
        raise RuntimeError(f"{method} {name}: {done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def table(folder: Path, events: int, share: float) -> None:
    small = folder / "sample"
    print(f"{'pass':10}{'':14}{'clock s':>10}{'cpu s':>9}{'ratio':>8}{'peak MB':>10}{'answer':>10}")
    for name in ("merge", *(one for one in PASSES if one != "merge")):
        mine = measured("tonewheel", name, folder)
        here = mine if share >= 1 else measured("tonewheel", name, small)
        assert mine
        assert here
        kept = "" if mine["seconds"] <= ALLOWED[0] and mine["mb"] < ALLOWED[1] else "  too slow or too large"
        print(
            f"{name:10}{'tonewheel':14}{mine['seconds']:10.1f}{mine['cpu']:9.1f}{1:8.2f}{mine['mb']:10.0f}{kept}"
        )
        for method in ("plain loop", "and checked", "pandas"):
            other = measured(method, name, small if share < 1 else folder)
            if other is None:
                print(f"{'':10}pandas is not there: no ratio to it")
                continue
            seconds, cpu = other["seconds"] / share, other["cpu"] / share
            same = "equal" if other["answer"] == here["answer"] else "DIFFERS"
            marks = "*" if share < 1 else " "
            print(
                f"{'':10}{method:14}{seconds:10.1f}{cpu:9.1f}{seconds / mine['seconds']:8.2f}"
                f"{other['mb']:9.0f}{marks}{same:>10}"
            )
        if name == "merge":
            older(folder / "all.jsonl", folder / "before.jsonl")
            if share < 1:
                older(small / "all.jsonl", small / "before.jsonl")
    if share < 1:
        print(f"* of {round(events * share)} events; their time is scaled to {events}, their memory is not")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--full", action="store_true", help="7,391,699 events in 49,967 sessions")
    parser.add_argument("--sample", type=int, default=100_000, help="events for the plain loop and pandas")
    parser.add_argument("--scratch", type=Path, help="folder for a temporary folder; default: the system's")
    parser.add_argument("--quick", action="store_true", help="3000 events: whether it runs, not how fast")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], options.child[1], Path(options.child[2]))
        return
    events, sessions = FULL if options.full else (options.events, max(2, options.events // 148))
    if options.quick:
        events, sessions = 3000, 20
    share = min(1.0, options.sample / events)
    with tempfile.TemporaryDirectory(dir=options.scratch) as name:
        folder = Path(name)
        began = time.monotonic()
        paths = generate(folder, events, sessions)
        size = sum(path.stat().st_size for path in paths)
        took = time.monotonic() - began
        print(
            f"{events} events in {sessions} sessions, {size / 1e9:.2f} GB, written in {took:.0f} s",
            flush=True,
        )
        sampled(paths, folder / "sample", share)
        table(folder, events, share)


if __name__ == "__main__":
    main()
