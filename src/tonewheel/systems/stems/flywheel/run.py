"""The whole turn of the flywheel: sanitise, data set, train, evaluate, contest; a killed run goes on where it was.

OUT/id.key                      what pseudonyms are made with; keep it to yourself
OUT/RUN/sanitized.jsonl         and sanitized.quarantine.jsonl
OUT/RUN/{train,validation}/     the data set, with manifest.json and left_out.jsonl
OUT/RUN/model/                  the training run, flywheel.safetensors
OUT/RUN/evaluation/             evaluation.json, report.html
OUT/champion/                   who won last, with the journal of all contests
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.console import say
from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.gates.base import Verdict
from tonewheel.systems.stems.flywheel.champion import Contest, contest, crown
from tonewheel.systems.stems.flywheel.dataset import build_dataset
from tonewheel.systems.stems.flywheel.dataset_folder import Manifest, read_manifest
from tonewheel.systems.stems.flywheel.drift import drift
from tonewheel.systems.stems.flywheel.evaluate import Evaluation, evaluate
from tonewheel.systems.stems.flywheel.recipe import FlywheelRecipe
from tonewheel.systems.stems.flywheel.sanitize import Sanitized, sanitize
from tonewheel.systems.stems.flywheel.train import FILE, train


class Turn(Record):
    """What came of a turn; `evaluation` and `contest` are None where a verdict ended it before."""

    run_dir: str
    sanitized: Sanitized
    dataset: Manifest
    verdicts: tuple[Verdict, ...]
    evaluation: Evaluation | None
    contest: Contest | None


def run(
    snapshots: Path,
    out: Path,
    label: str,
    recipe: FlywheelRecipe,
    *,
    train_ratio: float = 0.8,
    seed: int = 0,
    despite_verdicts: bool = False,
) -> Turn:
    """One turn in OUT/LABEL. A data set that failed its verdict is not trained on, unless `despite_verdicts`."""
    folder = out / checked_label(label)
    champion = Champion(out / "champion")
    done = sanitize(snapshots, folder / "sanitized.jsonl", out)
    say(f"sanitised {done.snapshots} snapshots; {done.quarantined} set apart, {done.duplicates} came twice")
    before = champion.dataset()
    # A run that goes on must not be compared with itself: its own champion is of the same folder.
    grown_from = before if before is not None and before.resolve() != folder.resolve() else None
    manifest = build_dataset(
        folder / "sanitized.jsonl", folder, train_ratio=train_ratio, seed=seed, grown_from=grown_from
    )
    say(
        f"data set {manifest.run_id}: {manifest.counts['train']} to train, {manifest.counts['validation']} to validate"
    )
    verdicts = manifest.verdicts
    if grown_from is not None:
        verdicts += (drift(grown_from, folder),)
    # Drift is a reason to train; poison is one not to.
    if not all(one.passed for one in manifest.verdicts) and not despite_verdicts:
        return _turn(folder, done, manifest, verdicts)
    train(folder, recipe, folder / "model")
    found = evaluate(folder, folder / "model" / FILE, folder / "evaluation", seed)
    result = contest(folder, folder / "model" / FILE, champion.weights, seed)
    crown(result, folder / "model" / FILE, folder, champion.folder)
    return _turn(folder, done, manifest, verdicts, found, result)


class Champion:
    """The folder of the champion, which may be empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def weights(self) -> Path:
        """Its weights, there or not."""
        return self.folder / FILE

    def dataset(self) -> Path | None:
        """The data set that it was trained on, if it is still there."""
        about = self.folder / "champion.json"
        if not about.is_file():
            return None
        try:
            told: Any = msgspec.json.decode(about.read_bytes())
            folder = Path(told["dataset"])
        except (msgspec.DecodeError, KeyError, TypeError, OSError) as error:
            raise InputError(about, f"does not say what the champion was trained on ({error})") from None
        try:
            read_manifest(folder)
        except InputError as error:
            say(f"the champion's data set cannot be read, so nothing is said about drift: {error}")
            return None
        return folder


def checked_label(label: str) -> str:
    """A run's label as the name of its folder; InputError when it is none.

    >>> checked_label("stem-separation-v1")
    'stem-separation-v1'
    """
    if not label or label in (".", "..", "champion") or any(letter in label for letter in "/\\\0"):
        raise InputError("--run-label", f'"{label}" cannot be the name of a folder here')
    return label


def _turn(
    folder: Path,
    done: Sanitized,
    manifest: Manifest,
    verdicts: tuple[Verdict, ...],
    evaluation: Evaluation | None = None,
    result: Contest | None = None,
) -> Turn:
    return Turn(
        run_dir=str(folder),
        sanitized=done,
        dataset=manifest,
        verdicts=verdicts,
        evaluation=evaluation,
        contest=result,
    )
