"""The verbs of `tonewheel similar` around its models: prepare and train; heavy imports inside them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Json


class Model(StrEnum):
    """What is trained."""

    encoder = "encoder"
    """The backbone that ships."""
    head = "head"
    """A projection of a backbone onto the styles of your own collection."""
    hand = "hand"
    """The scales of the hand-made vector."""


Jobs = Annotated[int | None, typer.Option(min=1, help="Processes; default: one a core.")]
Settings = Annotated[list[str], typer.Option("--set", help="Change one setting, as fit.max_steps=500.")]


def prepare(
    sources: Annotated[list[Path], typer.Argument(help="Folders of music, with an index.csv or without.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write; a killed run continues.")],
    recipe: Annotated[str, typer.Option(help="Recipe by name (smoke, base) or a YAML file.")] = "base",
    settings: Settings = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    synth_songs: Annotated[int, typer.Option(min=0, max=10_000, help="Songs to synthesise as well.")] = 270,
    versions: Annotated[
        int, typer.Option(min=1, max=16, help="Of each track: itself, and changed ones.")
    ] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Of what is synthesised and changed.")] = 0,
    any_licence: Annotated[
        bool, typer.Option("--any-licence", help="Also audio that may not train weights that ship.")
    ] = False,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Listen to music once, unchanged and changed, for training the encoder."""
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.systems.similar.prepare import prepare as run
    from tonewheel.systems.similar.recipe import SimilarRecipe

    spec = load_recipe(recipe, SimilarRecipe, settings).front_end.spec()
    prepared, left_out = run(
        sources,
        out,
        spec,
        synth_songs=synth_songs,
        versions=versions,
        seed=seed,
        any_licence=any_licence,
        jobs=jobs,
    )
    for one in left_out:
        say(f"left out: {one.path}: {one.reason}")
    if as_json:
        emit({"out": str(out), "tracks": len(prepared.tracks), "left_out": len(left_out)})
    else:
        say(f"{out}: {len(prepared.tracks)} tracks; {len(left_out)} files left out")
    if left_out:
        raise typer.Exit(2)


def train(
    source: Annotated[
        Path,
        typer.Argument(help="encoder: a folder made by `similar prepare`; head, hand: a folder of music."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Run folder; a killed run in it continues.")],
    model: Annotated[
        Model, typer.Option("--model", help="encoder; head: on your own styles; hand: its scales.")
    ] = Model.encoder,
    recipe: Annotated[str, typer.Option(help="Recipe by name (smoke, base) or a YAML file.")] = "base",
    settings: Settings = [],  # noqa: B006
    backbone: Annotated[
        str | None, typer.Option(help="head: the backbone below it: encoder, hand or openl3.")
    ] = None,
    weights: Annotated[Path | None, typer.Option("--weights", help="head: weights of that backbone.")] = None,
    initial: Annotated[
        Path | None,
        typer.Option("--from", help="encoder: weights to start from, such as those of another run."),
    ] = None,
    clusters: Annotated[
        int | None, typer.Option(min=2, help="head: number of styles; default: found.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="head, hand: replace what is there.")] = False,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Train the encoder, or a head on a collection's own styles; a head that does not beat PCA is not kept."""
    from tonewheel.core.errors import InputError
    from tonewheel.core.files import refuse_overwrite, write_json
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.systems.similar.recipe import SimilarRecipe

    unused = [
        one for one in settings if model is not Model.encoder and not one.startswith(("head.", "fit.seed="))
    ]
    if unused:
        raise InputError("--set", f"{unused[0]} is for the encoder; a head has head.* and fit.seed")
    settings_of = load_recipe(recipe, SimilarRecipe, settings)
    if model is Model.encoder:
        from tonewheel.systems.similar.prepare import Prepared
        from tonewheel.systems.similar.train import train as run

        result = run(Prepared(source), settings_of, out, initial)
        if as_json:
            emit(result)
        else:
            say(f"{out / 'encoder.safetensors'}: {result.steps} steps, best {result.best_score}")
        return
    if model is Model.hand:
        from tonewheel.systems.similar.backbones.hand import scale_of

        refuse_overwrite(out / "hand.json", force)
        scale, count = scale_of(source, jobs=jobs)
        write_json(out / "hand.json", scale)
        say(f"{out / 'hand.json'}: {count} tracks")
        return
    from tonewheel.systems.similar.choose import backbone as choose
    from tonewheel.systems.similar.fit_head import fit_head

    refuse_overwrite(out / "head.safetensors", force)
    trials = fit_head(
        source, out / "head.safetensors", choose(backbone, weights), settings_of, clusters=clusters, jobs=jobs
    )
    if as_json:
        emit({"out": str(out), "trials": [trial.to_dict() for trial in trials]})
        return
    for trial in trials:
        say(
            f"{trial.method:8} P@5 {trial.precision:.3f} +- {trial.deviation:.3f} on unheard artists, "
            f"{trial.heard:.3f} on those heard"
        )


def fetch(
    sha256: Annotated[
        str,
        typer.Option(
            "--sha256", help="Of the unpacked file: 64 hexadecimal digits; anything else is thrown away."
        ),
    ],
    url: Annotated[
        str | None, typer.Option(help="Where to get it; default: where OpenL3 is published.")
    ] = None,
) -> None:
    """Get the published weights of OpenL3 (19 MB) into the cache, for --backbone openl3."""
    import re

    from tonewheel.core.errors import InputError
    from tonewheel.systems.similar.backbones.fetch import fetch as run
    from tonewheel.systems.similar.backbones.openl3 import URL, load_keras

    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InputError("--sha256", f"{len(sha256)} characters; 64 hexadecimal digits are needed")
    path = run(url or URL, sha256.lower())
    load_keras(path)
    say(f"{path}: OpenL3, music, mel128")
