"""`tonewheel similar find | path | blend`: search an index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Json

if TYPE_CHECKING:
    from tonewheel.systems.similar.api import Index
    from tonewheel.systems.similar.features.record import Features
    from tonewheel.systems.similar.filters import Filters
    from tonewheel.systems.similar.find import Answer

IndexFile = Annotated[Path, typer.Option("--index", "-i", help="An index made by `similar index`.")]
Weights = Annotated[Path | None, typer.Option(help="Weights that made the index, if of your own training.")]
Count = Annotated[int, typer.Option("-k", min=1, help="How many tracks.")]
Tempo = Annotated[str | None, typer.Option(help="Only tracks of this tempo, BPM, as 120-130.")]
Key = Annotated[str | None, typer.Option(help='Only keys that mix with "A minor", or `compatible`.')]
Energy = Annotated[str | None, typer.Option(help="Only tracks of this mean energy, as 0.4-0.7.")]
Style = Annotated[str | None, typer.Option(help="Only tracks of this style of the index.")]
M3u = Annotated[bool, typer.Option("--m3u", help="A playlist on stdout.")]
Csv = Annotated[bool, typer.Option("--csv", help="A table on stdout.")]


def find(
    queries: Annotated[list[str], typer.Argument(help="Files, or tracks of the index by path or title.")],
    index: IndexFile,
    count: Count = 10,
    at: Annotated[str | None, typer.Option(help="Only this moment of the query, as 1:20-1:50.")] = None,
    tempo: Tempo = None,
    key: Key = None,
    energy: Energy = None,
    style: Style = None,
    an_artist: Annotated[int, typer.Option(min=0, help="Places for one artist; 0 for any number.")] = 2,
    versions: Annotated[bool, typer.Option("--versions", help="Let other versions of a track in.")] = False,
    weights: Weights = None,
    as_json: Json = False,
    as_m3u: M3u = False,
    as_csv: Csv = False,
) -> None:
    """Find the tracks most like a query, with the reasons; exit status 1 when none passes the filters."""
    from tonewheel.core.errors import InputError, TonewheelError

    _one_form(as_json, as_m3u, as_csv)
    if len(queries) > 1 and (as_m3u or as_csv):
        raise InputError("--m3u" if as_m3u else "--csv", "is for one query; use --json for several")
    filters = _filters(tempo, key, energy, style)
    opened = _open(index, weights)
    found = failed = 0
    for query in queries:
        try:
            answer = opened.find(
                query, count, at=at, filters=filters, an_artist=an_artist or None, versions=versions
            )
        except TonewheelError as error:
            if len(queries) == 1:
                raise
            say(str(error))
            failed += 1
            continue
        found += bool(answer.matches)
        _show(opened, answer, as_json=as_json, as_m3u=as_m3u, as_csv=as_csv)
    if failed or not found:
        raise typer.Exit(2 if failed else 1)


def path(
    first: Annotated[str, typer.Argument(help="A file, a track of the index, or a style.")],
    last: Annotated[str, typer.Argument(help="Where to: a file, a track or a style.")],
    index: IndexFile,
    steps: Annotated[int, typer.Option(min=2, help="Tracks of the path, both ends counted.")] = 8,
    weights: Weights = None,
    as_json: Json = False,
    as_m3u: M3u = False,
) -> None:
    """Find tracks that lead from one style to another, each a step nearer; none comes twice."""
    from tonewheel.systems.similar.playlists import m3u

    _one_form(as_json, as_m3u)
    opened = _open(index, weights)
    walked = opened.path(first, last, steps)
    if as_m3u:
        print(m3u([step for step in walked if Path(step.path).suffix], _features(opened)), end="")
    for step in walked if not as_m3u else ():
        if as_json:
            emit(step)
        else:
            name = _printable(" - ".join(part for part in (step.artist, step.title or step.track) if part))
            print(f"{step.step:>3}  {step.progress:4.0%}  {name}")


def blend(
    parts: Annotated[list[str], typer.Argument(help="Files, tracks or styles with weights, as A:0.7 B:0.3.")],
    index: IndexFile,
    count: Count = 10,
    tempo: Tempo = None,
    key: Key = None,
    energy: Energy = None,
    style: Style = None,
    weights: Weights = None,
    as_json: Json = False,
    as_m3u: M3u = False,
    as_csv: Csv = False,
) -> None:
    """Find tracks between several, each with its weight; the parts themselves are not in the list."""
    from tonewheel.systems.similar.travel import weighted

    _one_form(as_json, as_m3u, as_csv)
    filters = _filters(tempo, key, energy, style)
    opened = _open(index, weights)
    known = [(part, 1.0) if opened.knows(part) else weighted(part) for part in parts]
    answer = opened.blend(dict(known), count, filters=filters)
    _show(opened, answer, as_json=as_json, as_m3u=as_m3u, as_csv=as_csv)
    if not answer.matches:
        raise typer.Exit(1)


def _open(path: Path, weights: Path | None) -> Index:
    from tonewheel.systems.similar.api import Index

    return Index.open(path, weights=weights)


def _one_form(*asked: bool) -> None:
    if sum(asked) > 1:
        from tonewheel.core.errors import InputError

        raise InputError("output", "one of --json, --m3u and --csv, not several")


def _filters(tempo: str | None, key: str | None, energy: str | None, style: str | None) -> Filters:
    from tonewheel.systems.similar.filters import Filters, parse_range
    from tonewheel.systems.similar.keys import number

    if key not in (None, "compatible"):
        number(key or "")  # said before anything is heard
    return Filters(
        tempo_bpm=None if tempo is None else parse_range(tempo, "--tempo"),
        key=key,
        energy=None if energy is None else parse_range(energy, "--energy"),
        style=style,
    )


def _show(opened: Index, answer: Answer, *, as_json: bool, as_m3u: bool, as_csv: bool) -> None:
    from tonewheel.systems.similar.playlists import m3u, table

    if as_json:
        emit(answer)
    elif as_m3u:
        print(m3u(answer.matches, _features(opened)), end="")
    elif as_csv:
        print(table(answer.matches), end="")
    else:
        print("\n".join(_lines(answer)))


def _lines(answer: Answer) -> Sequence[str]:
    member = answer.style
    style = f'style "{member.style}"' if member.style else "none of the index's styles"
    sure = f"{style} (confidence {member.confidence:.2f})" if member.nearest else "the index has no styles"
    lines = [f"{answer.query}: {sure}"]
    if answer.same:
        lines.append(f"  in the index as {', '.join(answer.same)}")
    for match in answer.matches:
        name = " - ".join(part for part in (match.artist, match.title or match.track) if part)
        lines.append(f"{match.rank:>3}  {match.similarity:.3f}  {name}")
        if match.why is not None:
            why = match.why
            parts = f"timbre {why.timbre:.2f} rhythm {why.rhythm:.2f} harmony {why.harmony:.2f}"
            lines.append(f"       {parts} energy {why.energy:.2f}; {why.words}")
    return [_printable(line) for line in lines]


def _features(opened: Index) -> dict[str, Features]:
    return {track: entry.features for track, entry in opened.entries.items()}


def _printable(text: str) -> str:
    """A name without characters that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
