"""The verbs of `tonewheel drums` around its two models: prepare, train, evaluate; heavy imports inside them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say, show_scores
from tonewheel.core.errors import InputError
from tonewheel.core.verbs import Json, Weights
from tonewheel.systems.drums.verbs.hits import evaluate_hits, train_hits
from tonewheel.systems.drums.verbs.left_out import tell_left_out


class Model(StrEnum):
    """Which of the two models of the drums system."""

    transcriber = "transcriber"
    """Songs into hits."""
    hits = "hits"
    """What one hit is."""


Which = Annotated[Model, typer.Option("--model", help="transcriber: songs into hits; hits: what one hit is.")]


def prepare(
    sources: Annotated[
        list[Path], typer.Argument(help="Folders with an index.csv: hits, MIDI grooves, music, rooms.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; a killed run continues.")],
    synth_kits: Annotated[int, typer.Option(min=0, max=1000, help="Kits to synthesise as well.")] = 40,
    synth_songs: Annotated[int, typer.Option(min=0, max=1000, help="Songs to synthesise under drums.")] = 48,
    synth_grooves: Annotated[
        int, typer.Option(min=0, max=10_000, help="Songs to take drum parts from.")
    ] = 240,
    synth_rooms: Annotated[int, typer.Option(min=0, max=1000, help="Rooms to synthesise.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Of what is synthesised.")] = 0,
    as_json: Json = False,
) -> None:
    """Decode drum hits, grooves, rooms and music once, take drums out of the music, for training."""
    from tonewheel.systems.drums.prepare import prepare as run

    prepared, left_out = run(
        sources,
        out,
        synth_kits=synth_kits,
        synth_songs=synth_songs,
        synth_grooves=synth_grooves,
        synth_rooms=synth_rooms,
        seed=seed,
    )
    tell_left_out(left_out, str(out / "left_out.jsonl"))
    counts = {
        "hits": len(prepared.shots),
        "grooves": len(prepared.grooves),
        "beds": len(prepared.beds),
        "rooms": len(prepared.rooms),
    }
    if as_json:
        emit({"out": str(out), **counts, "left_out": len(left_out)})
    else:
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        say(f"{out}: {told}; {len(left_out)} files left out")


def train(
    prepared: Annotated[Path, typer.Argument(help="A folder made by `drums prepare`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Run folder; a killed run in it continues.")],
    recipe: Annotated[str, typer.Option(help="Recipe by name (smoke, base) or a YAML file.")] = "base",
    settings: Annotated[
        list[str],
        typer.Option("--set", help="Change one setting, as fit.max_steps=500."),
    ] = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    initial: Annotated[
        Path | None, typer.Option("--from", help="Weights to start from, such as those of another run.")
    ] = None,
    model: Which = Model.transcriber,
    dataset: Annotated[
        Path | None, typer.Option("--dataset", help="hits: also a folder written by `drums collect export`.")
    ] = None,
    sampling_weights: Annotated[
        Path | None,
        typer.Option("--sampling-weights", help="hits: of `drums manifest weights`, for --dataset."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a model; the weights for use are written to OUT/drums.safetensors, or OUT/hits.safetensors."""
    if model is Model.hits:
        train_hits(
            prepared,
            out,
            recipe,
            settings,
            initial,
            dataset=dataset,
            sampling_weights=sampling_weights,
            as_json=as_json,
        )
        return
    _only_for_hits(dataset=dataset, sampling_weights=sampling_weights)
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.systems.drums.prepare import Prepared
    from tonewheel.systems.drums.recipe import DrumsRecipe
    from tonewheel.systems.drums.train import train as run

    result = run(Prepared(prepared), load_recipe(recipe, DrumsRecipe, settings), out, initial)
    if as_json:
        emit(result)
    else:
        best = f"best {result.best_score} at {result.best_step}"
        say(f"{out / 'drums.safetensors'}: {result.steps} steps, {best}")


def evaluate(
    source: Annotated[
        Path,
        typer.Argument(help="Folder of annotated songs, one instrument a file; hits: a prepared folder."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the report.")],
    prepared: Annotated[
        Path | None, typer.Option("--prepared", help="Also measure on held-out renders of this folder.")
    ] = None,
    scenes: Annotated[int, typer.Option(min=2, help="Held-out scenes, every other one under music.")] = 60,
    drums_to_rest_db: Annotated[
        float, typer.Option(help="Loudness of the drums against all other parts together, LU.")
    ] = 0.0,
    baselines: Annotated[bool, typer.Option(help="Also band flux, and librosa if installed.")] = True,
    model: Which = Model.transcriber,
    split: Annotated[str, typer.Option(help="hits: split to report on.")] = "test",
    outliers: Annotated[
        Path | None,
        typer.Option(help="hits: folder of recordings that are no drums, one sub-folder a kind."),
    ] = None,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Measure on annotated songs, drums alone and in a mix, or on hits of unheard kits, beside what else there is."""
    if model is Model.hits:
        evaluate_hits(source, out, split=split, weights=weights, outliers=outliers, as_json=as_json)
        return
    _only_for_hits(outliers=outliers)
    from tonewheel.systems.drums.evaluate import evaluate as run
    from tonewheel.systems.drums.hearing.ears import Ears

    ears = Ears.shipped() if weights is None else Ears.load(weights)
    scores = run(
        ears,
        source,
        out,
        baselines=baselines,
        drums_to_rest_db=drums_to_rest_db,
        prepared=prepared,
        scenes=scenes,
    )
    show_scores(scores, out, as_json)


def _only_for_hits(**given: Path | None) -> None:
    """InputError for an option that the transcriber would pass over."""
    for name, value in given.items():
        if value is not None:
            raise InputError(f"--{name.replace('_', '-')}", "is for `--model hits`")
