"""The verbs of the flywheel: sanitize, dataset, run, calibrate; and what `train` and `evaluate` do with snapshots.

Options have the names of the seed's pipeline too (--outputDir for --output-dir), so that its command lines still work.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Force, Json, Weights
from tonewheel.systems.stems.options import of_run

if TYPE_CHECKING:
    from tonewheel.gates.base import Verdict

Label = Annotated[str, typer.Option("--run-label", "--runLabel", help="Name of the run's folder.")]
Ratio = Annotated[
    float, typer.Option("--train-ratio", "--trainRatio", help="Share of snapshots to train on.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of the split.")]
OutputDir = Annotated[
    Path, typer.Option("--output-dir", "--outputDir", "-o", help="Folder in which the run's folder is made.")
]
Recipe = Annotated[str, typer.Option(help="Recipe by name (smoke, base) or a YAML file.")]
Settings = Annotated[list[str], typer.Option("--set", help="Change one setting, as transformer.blocks=2.")]


def sanitize(
    inputs: Annotated[
        Path, typer.Option("--input", "-i", help="Snapshots: a .json or .jsonl file, or a folder.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write, .jsonl.")],
    key_dir: Annotated[
        Path | None,
        typer.Option("--key-dir", help="Folder of the key that ids are hashed with; default: the output's."),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Check snapshots, hash their ids, clip what is out of range, and leave out everything that could name anybody.

    Exit status 2 when some were set apart (in OUTPUT's .quarantine.jsonl); the others are written.
    """
    from tonewheel.core.files import refuse_overwrite
    from tonewheel.manifest.event_lines import quarantine_path
    from tonewheel.systems.stems.flywheel.sanitize import sanitize as run

    refuse_overwrite(output, force)
    done = run(inputs, output, key_dir)
    if as_json:
        emit(done)
    else:
        say(
            f"{output}: {done.snapshots} snapshots, {done.with_truth} with ground truth, {done.corrected} corrected;"
            f" {done.duplicates} came twice"
        )
        if done.unknown_keys:
            say(f"left out, not ours: {', '.join(done.unknown_keys)}")
    if done.quarantined:
        say(f"{done.quarantined} set apart, see {quarantine_path(output)}")
        raise typer.Exit(2)


def dataset(
    source: Annotated[Path, typer.Option("--input", "-i", help="A file that `stems sanitize` wrote.")],
    output_dir: OutputDir,
    run_label: Label = "stem-separation-v1",
    train_ratio: Ratio = 0.8,
    grown_from: Annotated[
        Path | None,
        typer.Option("--grown-from", help="An older data set: its sounds stay on the side where they are."),
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Split sanitised snapshots into train and validation, by sounds, and write a manifest with their hash.

    Exit status 1 when so many were left out as impossible or strange that the rest cannot be trusted.
    """
    from tonewheel.core.files import refuse_overwrite
    from tonewheel.systems.stems.flywheel.dataset import build_dataset
    from tonewheel.systems.stems.flywheel.drift import drift
    from tonewheel.systems.stems.flywheel.run import checked_label

    folder = output_dir / checked_label(run_label)
    refuse_overwrite(folder / "manifest.json", force)
    manifest = build_dataset(source, folder, train_ratio=train_ratio, seed=seed, grown_from=grown_from)
    verdicts = manifest.verdicts + (() if grown_from is None else (drift(grown_from, folder),))
    if as_json:
        emit(manifest.to_dict() | {"verdicts": [one.to_dict() for one in verdicts]})
    else:
        counts = manifest.counts
        say(
            f"{folder}: {counts['train']} to train, {counts['validation']} to validate, {counts['sources']} sounds"
        )
        _tell(verdicts)
    if not all(one.passed for one in manifest.verdicts):
        raise typer.Exit(1)


def run(
    snapshots: Annotated[
        Path, typer.Option("--snapshot-dir", "--snapshotDir", "-i", help="Snapshots: a folder or a file.")
    ],
    output_dir: OutputDir,
    run_label: Label = "stem-separation-v1",
    train_ratio: Ratio = 0.8,
    recipe: Recipe = "base",
    settings: Settings = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    seed: Seed = 0,
    despite_verdicts: Annotated[
        bool, typer.Option("--despite-verdicts", help="Train on a data set that failed its verdict.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Sanitise, make the data set, train, evaluate, and let the challenger meet the champion; a killed run continues.

    Exit status 1 when a verdict stopped it or the challenger lost; 2 when snapshots were set apart.
    """
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.systems.stems.flywheel.recipe import FlywheelRecipe
    from tonewheel.systems.stems.flywheel.run import run as turn

    done = turn(
        snapshots,
        output_dir,
        run_label,
        load_recipe(recipe, FlywheelRecipe, settings),
        train_ratio=train_ratio,
        seed=seed,
        despite_verdicts=despite_verdicts,
    )
    won = done.contest is not None and done.contest.won
    if as_json:
        emit(done)
    else:
        _tell(done.verdicts)
        if done.contest is not None:
            _tell(done.contest.verdicts)
            say("the challenger is the champion now" if won else "the champion stays")
    if done.sanitized.quarantined:
        raise typer.Exit(2)
    if not won:
        raise typer.Exit(1)


def calibrate(
    dataset_dir: Annotated[Path, typer.Argument(help="A data set of snapshots with corrections.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The calibration to write, .json.")],
    songs: Annotated[
        Path,
        typer.Option(help="Songs whose stems are known, at least 4: as for `stems evaluate`."),
    ],
    weights: Weights = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Turn what people corrected into gains for the separator, if they make songs with known stems sound better.

    Exit status 1 when they do not: the file is written with strength 0.
    """
    from tonewheel.core.files import refuse_overwrite, write_json
    from tonewheel.systems.stems.flywheel.join import calibrate as fit_gains
    from tonewheel.systems.stems.masker import NetMasker
    from tonewheel.systems.stems.references import multitracks

    refuse_overwrite(output, force)
    masker = NetMasker.load(weights)
    # Songs that are told as four stems cannot judge gains of six.
    known = ((song.group, song.folded(6)) for song in multitracks(songs) if song.fold == 6)
    found = fit_gains(dataset_dir, masker, known, separator=masker.fingerprint)
    write_json(output, found)
    if as_json:
        emit(found)
    else:
        _tell(found.verdicts)
        say(
            f"{output}: strength {found.strength:g}, SDR {found.gain_db} dB better on songs that did not choose it"
        )
    if not found.strength:
        raise typer.Exit(1)


def train_snapshots(dataset_dir: Path, out: Path, recipe: str, settings: list[str], as_json: bool) -> None:
    """`stems train` of a data set of snapshots."""
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.systems.stems.flywheel.recipe import FlywheelRecipe
    from tonewheel.systems.stems.flywheel.train import FILE, train

    result = train(dataset_dir, load_recipe(recipe, FlywheelRecipe, settings), out)
    if as_json:
        emit(result)
    else:
        say(f"{out / FILE}: {of_run(result)}")


def evaluate_snapshots(dataset_dir: Path, out: Path, model: Path | None, as_json: bool) -> None:
    """`stems evaluate` of a data set of snapshots; the model is DATASET/model's unless another is named."""
    from tonewheel.systems.stems.flywheel.evaluate import evaluate
    from tonewheel.systems.stems.flywheel.train import FILE

    found = evaluate(dataset_dir, model or dataset_dir / "model" / FILE, out)
    if as_json:
        emit(found)
        return
    for one in found.stems:
        say(f"{one.stem:9} {one.explained:6.1%} of the mean's error explained ({one.n} snapshots)")
    say(f"{out / 'report.html'}: better than the mean by {found.better_than_mean}; {found.note}")


def holds_snapshots(folder: Path) -> bool:
    """Whether a folder is a data set of snapshots (and not, say, prepared multitracks).

    >>> holds_snapshots(Path("nowhere"))
    False
    """
    manifest = folder / "manifest.json"
    return manifest.is_file() and (folder / "train" / "inputs.jsonl").is_file()


def _tell(verdicts: tuple[Verdict, ...]) -> None:
    for one in verdicts:
        say(str(one))
