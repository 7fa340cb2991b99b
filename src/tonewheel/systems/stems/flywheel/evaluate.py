"""How well a transformer tells the vectors of stems, beside the mean and a straight line (ridge regression).

What it says: the error of the vectors, and how far the told share of a stem in a band is from the true one. What it
cannot say: SDR, SIR, SAR. Those need waves, and no snapshot has one; the waves are judged in `stems evaluate` of a
separator, and what corrections do to them in `join`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.core.files import write_json, write_text
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.gates import html
from tonewheel.manifest.stems import STEMS
from tonewheel.metrics.bootstrap import Interval, interval
from tonewheel.systems.stems.features.stem_vector import SHARES, WIDTH
from tonewheel.systems.stems.flywheel.data import Side, Snapshots, input_widths, read_snapshots
from tonewheel.systems.stems.flywheel.train import Trained, load_transformer

Floats = NDArray[np.float64]
RIDGE = 10.0
NO_WAVES = "SDR, SIR and SAR cannot be computed from snapshots: they hold features, not waves."


class StemScore(Record):
    """One stem: mean squared errors, and how much smaller ours is than that of the mean (1: no error at all)."""

    stem: str
    n: int
    error: float
    mean_error: float
    ridge_error: float
    explained: float
    share_error: float | None
    """Mean distance of told and true shares of a band; None for other layouts than ours."""


class Evaluation(Record):
    """All stems, and the mean over them with its interval (whole sounds resampled)."""

    model_sha256: str
    data_hash: str
    snapshots: int
    sources: int
    stems: tuple[StemScore, ...]
    error: Interval
    better_than_mean: Interval
    """Error of the mean less ours."""
    better_than_ridge: Interval
    note: str = NO_WAVES


def evaluate(folder: Path, model: Path, out: Path | None = None, seed: int = 0) -> Evaluation:
    """Judge a transformer by the validation side of a data set; writes OUT/evaluation.json and OUT/report.html.

    ModelMismatchError when it was trained on snapshots that are laid out differently.
    """
    snapshots = read_snapshots(folder)
    side, trained = snapshots.validation, load_transformer(model)
    if not side.weights.any():
        raise InputError(folder, "nothing is known of any stem on the validation side")
    told = {
        "ours": predict(trained, snapshots, side),
        "mean": _mean(snapshots.train)[None].repeat(len(side.inputs), axis=0),
        "ridge": _ridge(snapshots.train, side),
    }
    errors = {name: errors_of(side, values) for name, values in told.items()}
    known = ~np.isnan(errors["ours"]).all(axis=1)
    groups = np.array(side.sources)[known]
    every = {name: np.nanmean(table[known], axis=1) for name, table in errors.items()}
    rng = generator(seed, "evaluate")
    found = Evaluation(
        model_sha256=trained.sha256,
        data_hash=snapshots.manifest.hash,
        snapshots=len(side.inputs),
        sources=len(set(side.sources)),
        stems=tuple(_score(number, side, told["ours"], errors) for number in range(len(STEMS))),
        error=interval(every["ours"], rng=rng, groups=groups),
        better_than_mean=interval(every["mean"] - every["ours"], rng=rng, groups=groups),
        better_than_ridge=interval(every["ridge"] - every["ours"], rng=rng, groups=groups),
    )
    if out is not None:
        write_json(out / "evaluation.json", found)
        write_text(out / "report.html", page(found))
    return found


def predict(trained: Trained, snapshots: Snapshots, side: Side) -> Floats:
    """The vectors that a transformer tells for one side of a data set, (n, 6, width)."""
    told, asked = trained.about["widths"], input_widths(snapshots.manifest)
    width = snapshots.manifest.target_width
    if told != asked or trained.about["target_width"] != width:
        raise ModelMismatchError(
            f"the model was trained on snapshots of {told} numbers and vectors of {trained.about['target_width']},"
            f" these have {asked} and {width}"
        )
    with torch.inference_mode():
        parts = [
            trained.transformer(part)
            for part in torch.from_numpy(side.inputs).chunk(-(-len(side.inputs) // 1024))
        ]
    return np.asarray(torch.cat(parts).numpy(), np.float64)


def errors_of(side: Side, told: Floats) -> Floats:
    """The error of each stem of each snapshot, (n, 6); NaN where nothing is known."""
    weights = side.weights.astype(np.float64)
    total = weights.sum(axis=2)
    squared = (weights * (told - side.targets) ** 2).sum(axis=2)
    return np.where(total > 0, squared / np.maximum(total, 1e-9), np.nan)


def mean_of(snapshots: Snapshots, side: Side) -> Floats:
    """What somebody tells who knows nothing but the mean of the training side, (n, 6, width)."""
    return _mean(snapshots.train)[None].repeat(len(side.inputs), axis=0)


def _mean(side: Side) -> Floats:
    weights = side.weights.astype(np.float64)
    return np.asarray((weights * side.targets).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-9))


def _ridge(train: Side, asked: Side) -> Floats:
    """A straight line from the inputs to each stem's vector, fitted where the stem is known."""
    mean, scale = train.inputs.mean(axis=0), np.maximum(train.inputs.std(axis=0), 0.01)
    rows, new = ((side.inputs - mean) / scale for side in (train, asked))
    middle = _mean(train)
    out = middle[None].repeat(len(new), axis=0)
    for stem in range(len(STEMS)):
        known = train.weights[:, stem].all(axis=1)
        if known.sum() < 2:
            continue
        x = rows[known].astype(np.float64)
        normal = x.T @ x + RIDGE * np.eye(x.shape[1])
        slope = np.linalg.solve(normal, x.T @ (train.targets[known, stem] - middle[stem]))
        out[:, stem] += np.clip(new, -8, 8) @ slope
    return out


def _score(number: int, side: Side, told: Floats, errors: dict[str, Floats]) -> StemScore:
    known = ~np.isnan(errors["ours"][:, number])
    ours, mean, ridge = (
        float(errors[name][known, number].mean()) if known.any() else float("nan")
        for name in ("ours", "mean", "ridge")
    )
    share = None
    weights = side.weights[:, number, SHARES]
    if told.shape[2] == WIDTH and weights.any():
        away = np.abs(np.clip(told[:, number, SHARES], 0, 1) - side.targets[:, number, SHARES])
        share = float((away * weights).sum() / weights.sum())
    return StemScore(
        stem=STEMS[number],
        n=int(known.sum()),
        error=ours,
        mean_error=mean,
        ridge_error=ridge,
        explained=1 - ours / mean if mean > 0 else float("nan"),
        share_error=share,
    )


def page(found: Evaluation) -> str:
    """The report for people."""
    rows = [
        (one.stem, one.n, one.error, one.ridge_error, one.mean_error, one.explained, one.share_error)
        for one in found.stems
    ]
    head = ["stem", "n", "ours", "straight line", "mean", "explained", "share off by"]
    return html.page(
        "Stems: what the flywheel knows",
        [
            html.section(
                "Error of the told vectors",
                html.cards(
                    [
                        ("snapshots", found.snapshots, f"of {found.sources} sounds"),
                        ("better than the mean", str(found.better_than_mean), "mean squared error"),
                        ("better than a straight line", str(found.better_than_ridge), "mean squared error"),
                    ]
                ),
                html.table(head, rows),
                found.note,
            ),
            html.section(
                "Explained, by stem", html.figure(_picture(found), alt="Share of the error explained by stem")
            ),
        ],
    )


def _picture(found: Evaluation) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axis = figure.subplots()
    gone = [0.0 if np.isnan(one.explained) else one.explained for one in found.stems]
    axis.barh([one.stem for one in found.stems], gone, color="#8a5a12")
    axis.invert_yaxis()
    axis.axvline(0, color="#1c1b19", lw=0.8)
    axis.set_xlim(right=1.0)  # all of it: a thousandth should look like one
    axis.set_xlabel("share of the mean's error that is gone")
    axis.spines[["top", "right"]].set_visible(False)
    return figure
