"""`tonewheel similar index`: hear a folder, and put it into one file to search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say


def index(
    source: Annotated[
        Path, typer.Argument(help="A folder of audio, or with an index.csv, or a .jsonl of tracks.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The index to write, as music.index.")],
    backbone: Annotated[str | None, typer.Option(help="encoder (ours, the default), hand or openl3.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights of your own training.")] = None,
    method: Annotated[str, typer.Option(help="Search: exact; hnsw or ivf for a huge collection.")] = "exact",
    profile: Annotated[
        Path | None, typer.Option(help="Take the styles of a profile.json; default: they are found.")
    ] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="Bring an index up to date: only what is new or changed is heard."),
    ] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Default: all cores.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Hear every track of a folder, and write the index that `find`, `path` and `blend` search.

    Exit status 2 when a file was left out. A killed run goes on where it was.
    """
    from tonewheel.core.errors import InputError
    from tonewheel.core.files import refuse_overwrite
    from tonewheel.index.vectors import VectorIndex
    from tonewheel.systems.similar.build import build, styles_of_profile
    from tonewheel.systems.similar.choose import backbone as choose
    from tonewheel.systems.similar.library import Library
    from tonewheel.systems.similar.profile import Profile

    if update and not out.is_file():
        raise InputError(out, "is no index yet; leave --update out to make it")
    refuse_overwrite(out, force or update)
    VectorIndex(1, method)  # a wrong name or a missing library is said before the work, not after
    styles = None if profile is None else styles_of_profile(Profile.read(profile))
    chosen = choose(backbone, weights)
    made = build(
        source,
        chosen,
        keep=out.with_name(f".{out.name}.heard"),
        before=Library.open(out, chosen) if update else None,
        styles=styles,
        method=method,
        jobs=jobs,
    )
    size = made.library.save(out)
    for one in made.left_out:
        say(f"left out: {one}")
    told = made.library.about.styles.names
    if as_json:
        emit(
            {
                "index": str(out),
                "tracks": len(made.library),
                "heard": made.heard,
                "kept": made.kept,
                "left_out": len(made.left_out),
                "backbone": made.library.made_with,
                "styles": list(told),
                "bytes": size,
            }
        )
    else:
        kept = f", {made.kept} as they were" if made.kept else ""
        say(f"{out}: {len(made.library)} tracks{kept}, {len(told)} styles, {size / 1e6:.1f} MB")
    if made.left_out:
        raise typer.Exit(2)
