"""The similar chapter of `tonewheel demo`: a small record shelf, a new song, and what on the shelf is like it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.audio.encode import write
from tonewheel.audio.excerpt import excerpt_mp3
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.core.units import format_time_s
from tonewheel.gates import html
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.systems import Chapter
from tonewheel.systems.similar.api import Index
from tonewheel.systems.similar.find import Answer, Found
from tonewheel.systems.similar.picture import draw_map
from tonewheel.systems.similar.travel import Step

Floats = NDArray[np.float32]

TITLE = "Similar: what is like this song?"
RATE_HZ = 22_050
SECONDS = 24.0
STYLES = ("trance", "piano", "metal", "reggae", "jazz", "chiptune")
SONGS = 4
"""Of each style on the shelf."""
SHOWN, STEPS = 5, 5
EXCERPT_S = 7.0


def chapter(folder: Path, seed: int, styles: Sequence[str] = STYLES, songs: int = SONGS) -> Chapter:
    """Synthesise a shelf of songs and a new one, index the shelf, find what is like the new song, walk a path.

    Leaves in `folder`: shelf/, new.flac and shelf.index. `found` is False when no song of the new one's style is
    in the list.
    """
    rng = generator(seed, "demo", "similar")
    style = styles[int(rng.integers(len(styles)))]
    began = perf_counter()
    shelf = folder / "shelf"
    for name in styles:
        for number in range(songs):
            _record(draw_seed(rng), name, shelf / f"{name} {number + 1}.flac")
    new = folder / "new.flac"
    _record(draw_seed(rng), style, new)
    first, again = shelf / f"{style} 1.flac", shelf / f"{style} 1 again.mp3"
    copied, _ = load(first)
    write(again, 0.5 * copied, RATE_HZ, bitrate_kbps=96)
    made_s = perf_counter() - began
    began = perf_counter()
    index = Index.build(shelf, jobs=1)
    index.save(folder / "shelf.index")
    heard_s = perf_counter() - began
    began = perf_counter()
    answer = index.find(new, k=SHOWN)
    found_s = perf_counter() - began
    other = styles[(styles.index(style) + 1) % len(styles)]
    walk = index.path(first.name, f"{other} 1.flac", min(STEPS, len(styles) * songs // 2))
    copies = index.find(first.name, k=SHOWN).same
    right = [match for match in answer.matches if match.track.startswith(style)]
    lines = [f"a new {style} song; most like it of {len(index)} on the shelf:"]
    lines += [
        f"{m.rank:>3}  {m.similarity:.2f}  {m.title:<14}  {m.why.words if m.why else ''}"
        for m in answer.matches
    ]
    lines.append("from " + " to ".join(step.title for step in walk))
    return Chapter(
        TITLE,
        bool(right),
        tuple(lines),
        _sections(index, new, style, answer, walk, copies, (made_s, heard_s, found_s)),
    )


def _record(seed: int, style: str, path: Path) -> None:
    mix = render(compose(seed, style, seconds=SECONDS), RATE_HZ, seconds=SECONDS).mix
    write(path, np.asarray(mix, np.float32), RATE_HZ, sample_format="pcm_16")


def _sections(
    index: Index,
    new: Path,
    style: str,
    answer: Answer,
    walk: Sequence[Step],
    copies: Sequence[str],
    took_s: tuple[float, float, float],
) -> tuple[html.Markup, ...]:
    marked = {match.track: f"{match.rank}. {match.title}" for match in answer.matches}
    right = sum(match.track.startswith(style) for match in answer.matches)
    seconds = len(index) * SECONDS
    rows = [
        [
            m.rank,
            m.title,
            m.similarity,
            *((m.why.timbre, m.why.rhythm, m.why.harmony, m.why.energy) if m.why else ()),
        ]
        for m in answer.matches
    ]
    return (
        html.section(
            TITLE,
            f"A shelf of {len(index)} records, made by code in {len(STYLES)} styles, and a new song in one of them:"
            f" {style}. Nobody tells the index any style; it hears the sound alone.",
            html.cards(
                [
                    ("of the new song's style", f"{right} of {len(answer.matches)}", "in the list"),
                    ("copies in the list", 0, f"{len(copies)} files on the shelf are one record"),
                    ("indexed", f"{seconds / max(took_s[1], 1e-9):.0f} x", "real time, one core"),
                    ("found in", f"{took_s[2]:.1f} s", f"a query of {SECONDS:g} s, heard and searched"),
                ]
            ),
        ),
        html.section(
            "The shelf as a map",
            html.figure(draw_map(index, marked), alt="Map of the shelf. " + "; ".join(marked.values())),
            "A dot is a record; records that sound alike lie together. Rings are the list below.",
        ),
        html.section(
            "Most like the new song",
            html.table(["", "record", "similarity", "timbre", "rhythm", "harmony", "energy"], rows),
            "A similarity of 0.9 is more alike than 90 % of the pairs of records on this shelf; so are its parts.",
            _players(new, answer.matches),
        ),
        html.section(
            f"From {walk[0].title} to {walk[-1].title}",
            html.table(
                ["step", "record", "progress"], [[step.step, step.title, step.progress] for step in walk]
            ),
            "Each step is nearer to the end; no record comes twice.",
            html.details(
                "Try it yourself", "tonewheel similar find similar/new.flac --index similar/shelf.index -k 5"
            ),
        ),
    )


def _players(new: Path, matches: Sequence[Found]) -> html.Markup:
    cards = [("the new song", new, 0.0)]
    cards += [(f"{m.rank}. {m.title}, from {format_time_s(m.at_s)}", Path(m.path), m.at_s) for m in matches]
    inner = "".join(
        f"<div class=card>{html.player(_excerpt(path, at_s), words, 'audio/mpeg')}</div>"
        for words, path, at_s in cards
    )
    return html.Markup(f"<div class=cards>{inner}</div>")


def _excerpt(path: Path, at_s: float) -> bytes:
    audio, rate_hz = load(path, start_s=max(0.0, min(at_s, SECONDS - EXCERPT_S)), duration_s=EXCERPT_S)
    return excerpt_mp3(audio, rate_hz)
