"""`drums classify`, and what `drums train` and `drums evaluate` do for `--model hits`; light until it is called."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Json

if TYPE_CHECKING:
    from tonewheel.systems.drums.hits.answers import FileAnswer


def classify(
    hits: Annotated[list[Path], typer.Argument(help="Audio files of one hit each.")],
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Weights of your own training; default: those shipped.")
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Judge each hit alone; else the toms of a folder are one kit's.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what each drum hit is: label, velocity, how open the hat, and whether it is a drum at all.

    Hits of one folder are taken as of one kit: which of its toms is the high one is told by their pitches.
    BEATSIGHT_ML_MODEL_PATH names other weights; BEATSIGHT_USE_ML_CLASSIFIER=0 judges by rule instead.
    """
    # A hit is milliseconds of small matrices: several threads wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    from tonewheel.core.errors import TonewheelError
    from tonewheel.core.progress import progress
    from tonewheel.systems.drums.hits.classifier import HitClassifier, from_environment
    from tonewheel.systems.drums.hits.rules import judge_file
    from tonewheel.systems.drums.hits.toms import as_one_kit

    classifier = HitClassifier.load(weights) if weights else from_environment()
    found: dict[Path, FileAnswer] = {}
    failed = False
    for path in progress(hits, "classifying", unit="hits"):
        try:
            found[path] = classifier.file(path) if classifier else judge_file(path)
        except TonewheelError as error:
            say(str(error))
            failed = True
    for folder in () if alone else {path.parent for path in found}:
        kit = [path for path in found if path.parent == folder]
        found.update(zip(kit, as_one_kit([found[path] for path in kit]), strict=True))
    for answer in found.values():
        if as_json:
            emit(answer)
        else:
            print(_line(answer))
    if failed:
        raise typer.Exit(2)


def _line(answer: FileAnswer) -> str:
    openness = "" if answer.openness is None else f", {answer.openness:.0%} open"
    doubt = "" if answer.unknown < 0.5 else f", but perhaps no drum at all ({answer.unknown:.0%})"
    score = answer.scores[answer.label]
    return f"{answer.path}: {answer.label} ({score:.0%}), velocity {answer.velocity:.2f}{openness}{doubt}"


def train_hits(
    prepared: Path,
    out: Path,
    recipe: str,
    settings: list[str],
    initial: Path | None = None,
    *,
    dataset: Path | None = None,
    sampling_weights: Path | None = None,
    as_json: bool = False,
) -> None:
    """`drums train PREPARED --model hits`: weights for use are written to OUT/hits.safetensors."""
    from tonewheel.core.errors import InputError
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.manifest.events.weights import read_weights
    from tonewheel.systems.drums.hits.clips import ClipDataset
    from tonewheel.systems.drums.hits.recipe import HitsRecipe
    from tonewheel.systems.drums.hits.train import train
    from tonewheel.systems.drums.prepare import Prepared

    chosen = load_recipe(recipe, HitsRecipe, settings)
    if sampling_weights is not None and dataset is None:
        raise InputError(sampling_weights, "weights are of the sessions of a dataset; give --dataset too")
    clips = None
    if dataset is not None:
        shares = None if sampling_weights is None else read_weights(sampling_weights).of_groups()
        clips = ClipDataset(dataset, "train", shares)
        if clips.left_out:
            say(f"{dataset}: {len(clips.left_out)} events left out, first: {clips.left_out[0]}")
    result = train(Prepared(prepared), chosen, out, initial, dataset=clips)
    if as_json:
        emit(result)
    else:
        best = f"best {result.best_score} at {result.best_step}"
        say(f"{out / 'hits.safetensors'}: {result.steps} steps, {best}")


def evaluate_hits(
    prepared: Path,
    out: Path,
    *,
    split: str = "test",
    weights: Path | None = None,
    outliers: Path | None = None,
    count: int = 480,
    as_json: bool = False,
) -> None:
    """`drums evaluate PREPARED --model hits`: hits of kits that training never heard, and what is no drum."""
    from tonewheel.systems.drums.hits.classifier import HitClassifier
    from tonewheel.systems.drums.hits.evaluate import evaluate
    from tonewheel.systems.drums.prepare import Prepared

    classifier = HitClassifier.load(weights) if weights else HitClassifier.shipped()
    scores = evaluate(Prepared(prepared), classifier, out, split=split, outliers=outliers, count=count)
    if as_json:
        emit(scores)
    else:
        print(scores.markdown())
        say(f"report: {out / 'hits.html'}")
