"""What people at a show experience: whole concerts of one split, listened to and aligned, held against the truth.

Every show plays twelve songs and one that the pack lacks; the set list that the decoder is given is right but for
that one, or wrong: two swaps, one song that is not played, and the surprise. The raw outcome of every show is kept,
so a killed evaluation goes on with the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.progress import progress
from tonewheel.core.records import Record, read_jsonl, write_jsonl
from tonewheel.core.seeds import generator
from tonewheel.metrics.segments import boundary_errors, frame_accuracy, songs_found
from tonewheel.synth.concert import Span
from tonewheel.systems.concert.align.segments import Segment, segments_of
from tonewheel.systems.concert.decode.emission import Heard
from tonewheel.systems.concert.decode.fixes import UNKNOWN
from tonewheel.systems.concert.decode.follow import DecodingListener
from tonewheel.systems.concert.decode.order import Planned
from tonewheel.systems.concert.decode.states import states_of
from tonewheel.systems.concert.decode.sweep import Decoder
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.listen import Event, Listener, listen
from tonewheel.systems.concert.pack import Pack, Reference
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ
from tonewheel.systems.concert.queries import Hall
from tonewheel.systems.concert.shows import Concert, assemble, title

Floats = NDArray[np.float32]
SONGS_A_SHOW = 12
EDGE_S = 0.5
"""The posterior is not judged this near to a boundary, where a step holds both."""


class Followed(Record):
    """One show as a listener or an aligner told it."""

    show: int
    snr_db: float
    method: str
    frame_accuracy: float
    found: float
    latencies_s: tuple[float | None, ...] = ()
    """For each song of the pack that was played; None where it was never named. Empty for an aligner."""
    flips: tuple[int, ...] = ()
    """For each of them: announcements while it played, beyond the first right one."""
    position_errors_s: tuple[float, ...] = ()
    false_starts: int = 0
    """Announcements while no song of the pack was playing; the seconds in which that could happen."""
    quiet_s: float = 0.0
    boundary_errors_s: tuple[float | None, ...] = ()
    """For each true boundary of a song of the pack; None where no estimated one was left for it."""
    boundary_confidences: tuple[float, ...] = ()
    """Of the estimated boundaries of songs, with whether each lies within 2 s of a true one below."""
    boundary_right: tuple[bool, ...] = ()
    edits: int | None = None
    """Edit distance between the songs as told and as played, the surprise among them."""
    surprise_share: float | None = None
    """Share of the surprise's time that was called an unknown song."""
    confidences: tuple[float, ...] = ()
    right: tuple[bool, ...] = ()
    """Every tenth step: the largest posterior, and whether it was right."""


def run_stream(
    hall: Hall, embedder: Embedder, folder: Path, split: str, snrs_db: Sequence[float], shows: int
) -> list[Followed]:
    """Play `shows` shows at every noise level, from `folder` where they were played before."""
    rows = [embedder.embed(hall.song(track)).embeddings for track in hall.tracks]
    told: list[Followed] = []
    cells = [(show, snr_db) for show in range(shows) for snr_db in snrs_db]
    for show, snr_db in progress(cells, "play shows", len(cells), "shows"):
        file = folder / f"{split}-show{show}-{snr_db:g}dB.jsonl"
        if not file.exists():
            write_jsonl(file, list(_play(hall, rows, embedder, show, snr_db)))
        told += read_jsonl(file, Followed)
    return told


def _play(
    hall: Hall, rows: Sequence[Floats], embedder: Embedder, show: int, snr_db: float
) -> Iterator[Followed]:
    rng = generator(0, "stream", show, f"{snr_db:g}")
    # Consecutive shows go through all songs of the split before any comes again.
    songs = np.roll(generator(0, "stream order").permutation(len(hall.tracks)), -show * SONGS_A_SHOW)
    chosen = rng.permutation(songs[: min(SONGS_A_SHOW + 1, len(songs))])
    place = int(rng.integers(1, max(2, len(chosen) - 1)))
    surprise, played = int(chosen[place]), [int(song) for song in chosen]
    concert = assemble(hall, played, rng, snr_db)
    known = [song for song in range(len(hall.tracks)) if song != surprise]
    pack = Pack.of(
        [
            Reference(
                song=title(hall, song),
                file=hall.tracks[song].file,
                seconds=hall.tracks[song].seconds,
                windows=len(rows[song]),
                lufs=None,
            )
            for song in known
        ],
        [rows[song] for song in known],
        embedder,
    )
    on_list = [song for song in played if song != surprise]
    spare = [song for song in known if song not in played]
    plans = {
        "": None,
        ", set list": _planned(hall, on_list),
        ", wrong set list": _planned(hall, wrong(on_list, spare, rng)),
    }
    heard = Heard(*embedder.embed_parts(embedder.parts(concert.audio)))
    about = (show, snr_db, concert, set(pack.songs))
    for name, plan in plans.items():
        yield _aligned(f"align{name}", about, pack, embedder, heard, plan)
        yield _listened(f"decoder{name}", about, _follow(pack, embedder, heard, plan))
    events = listen(_blocks(concert.audio), Listener(pack, embedder))
    yield _listened("runs", about, list(events))


About = tuple[int, float, Concert, set[str]]


def wrong(songs: Sequence[int], spare: Sequence[int], rng: np.random.Generator) -> list[int]:
    """A set list that the band does not keep to: two pairs swapped, and one song that they do not play.

    >>> wrong([1, 2, 3, 4, 5, 6], [9], np.random.default_rng(0))
    [2, 1, 9, 3, 4, 6, 5]
    """
    listed = list(songs)
    pairs = rng.permutation(np.arange(0, len(listed) - 1, 2))[:2]
    for first in pairs:
        listed[first], listed[first + 1] = listed[first + 1], listed[first]
    if spare:
        listed.insert(int(rng.integers(1, len(listed))), int(spare[0]))
    return listed


def _planned(hall: Hall, songs: Sequence[int]) -> list[Planned]:
    return [Planned(song=title(hall, song)) for song in songs]


def _blocks(audio: Floats) -> Iterator[Floats]:
    for first in range(0, len(audio), SAMPLE_RATE_HZ // 2):
        yield audio[first : first + SAMPLE_RATE_HZ // 2]


def _follow(pack: Pack, embedder: Embedder, heard: Heard, plan: list[Planned] | None) -> list[Event]:
    """The events of a decoding listener that hears these parts, each embedded once for all plans."""
    listener = DecodingListener(pack, embedder, plan)
    events: list[Event] = []
    for step, (part, music) in enumerate(zip(*heard, strict=True)):
        now_s = step * embedder.hop_s + embedder.recipe.views.part_s
        events += listener.follow(listener.filter.step(part, float(music)), now_s)
    return events


def _truth(concert: Concert, known: set[str]) -> tuple[list[tuple[float, float]], list[str]]:
    """All spans, labelled with the song, "unknown song", or "" for none."""
    spans = [(span.start_s, span.end_s) for span in concert.spans]
    return spans, [_label(span, known) for span in concert.spans]


def _label(span: Span, known: set[str]) -> str:
    return "" if span.kind != "song" else span.title if span.title in known else UNKNOWN


def _aligned(
    method: str, about: About, pack: Pack, embedder: Embedder, heard: Heard, plan: list[Planned] | None
) -> Followed:
    show, snr_db, concert, known = about
    states = states_of(pack, plan)
    made = Decoder(states, embedder.emission, heard).decode()
    seconds = concert.spans[-1].end_s
    found = segments_of(made, states, heard, pack, seconds)
    spans, labels = _truth(concert, known)
    answer, answers = [(one.start_s, one.end_s) for one in found], [one.song for one in found]
    songs = [span for span in concert.songs if span.title in known]
    edges = [edge for span in songs for edge in (span.start_s, span.end_s)]
    told: list[tuple[float, float]] = []
    for one in found:
        if one.song in known:
            told += [(one.start_s, one.start_confidence), (one.end_s, one.end_confidence)]
    surprise = next(span for span in concert.songs if span.title not in known)
    confidences, right = _posterior(made.posterior, [*states.songs, "", UNKNOWN], spans, labels, states.hop_s)
    return Followed(
        show=show,
        snr_db=snr_db,
        method=method,
        frame_accuracy=frame_accuracy(spans, labels, answer, answers),
        found=_found(songs, answer, answers),
        boundary_errors_s=tuple(
            float(error) if np.isfinite(error) else None
            for error in boundary_errors(edges, [edge for edge, _ in told])
        ),
        boundary_confidences=tuple(sure for _, sure in told),
        boundary_right=tuple(
            min((abs(edge - true) for true in edges), default=np.inf) <= 2.0 for edge, _ in told
        ),
        edits=edit_distance(answers, [_label(span, known) for span in concert.songs]),
        surprise_share=_share(surprise, found),
        confidences=confidences,
        right=right,
    )


def _posterior(
    posterior: Floats,
    names: Sequence[str],
    spans: Sequence[tuple[float, float]],
    labels: Sequence[str],
    hop_s: float,
) -> tuple[tuple[float, ...], tuple[bool, ...]]:
    middles = np.arange(len(posterior)) * hop_s + hop_s
    starts = np.array([start for start, _ in spans])
    place = np.clip(np.searchsorted(starts, middles, side="right") - 1, 0, len(spans) - 1)
    clear = np.abs(middles[:, None] - starts[None, 1:]).min(axis=1) > EDGE_S
    chosen = np.flatnonzero(clear)[::10]
    best = posterior[chosen].argmax(axis=1)
    right = [names[b] == labels[p] for b, p in zip(best, place[chosen], strict=True)]
    return tuple(np.minimum(1.0, posterior[chosen, best]).tolist()), tuple(right)


def _found(songs: Sequence[Span], answer: Sequence[tuple[float, float]], answers: Sequence[str]) -> float:
    return songs_found([(s.start_s, s.end_s) for s in songs], [s.title for s in songs], answer, answers)


def _share(span: Span, found: Sequence[Segment]) -> float:
    covered = sum(
        max(0.0, min(one.end_s, span.end_s) - max(one.start_s, span.start_s))
        for one in found
        if one.song == UNKNOWN
    )
    return covered / (span.end_s - span.start_s)


def edit_distance(told: Sequence[str], played: Sequence[str]) -> int:
    """Songs to insert, delete or replace (Levenshtein 1966); the same song twice in a row counts as once.

    >>> edit_distance(["a", "a", "c", "b"], ["a", "b", "c"])
    2
    """
    one, other = (
        [song for n, song in enumerate(row) if not n or row[n - 1] != song] for row in (told, played)
    )
    row = list(range(len(other) + 1))
    for number, song in enumerate(one, start=1):
        before, row = row, [number]
        for place, wanted in enumerate(other, start=1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (song != wanted)))
    return row[-1]


def _listened(method: str, about: About, events: Sequence[Event]) -> Followed:
    show, snr_db, concert, known = about
    spans, labels = _truth(concert, known)
    seconds = concert.spans[-1].end_s
    answer, answers = _stretches(events, seconds)
    starts = [event for event in events if event.event == "song_start"]
    songs = [span for span in concert.songs if span.title in known]
    latencies, flips = [], []
    for span in songs:
        inside = [one for one in starts if span.start_s <= one.time_s < span.end_s]
        own = [one.time_s - span.start_s for one in inside if one.song == span.title]
        latencies.append(round(own[0], 2) if own else None)
        flips.append(len(inside) - bool(own))
    errors = [
        abs(event.position_s - (event.time_s - span.start_s))
        for event in events
        if event.event == "position"
        for span in songs
        if span.title == event.song and span.start_s <= event.time_s < span.end_s
    ]
    in_song = sum(any(s.start_s <= one.time_s < s.end_s for s in songs) for one in starts)
    # A listener does not call an unknown song by that name: naming nothing is right there.
    quiet = ["" if label == UNKNOWN else label for label in labels]
    return Followed(
        show=show,
        snr_db=snr_db,
        method=method,
        frame_accuracy=frame_accuracy(spans, quiet, answer, answers),
        found=_found(songs, answer, answers),
        latencies_s=tuple(latencies),
        flips=tuple(flips),
        position_errors_s=tuple(round(error, 3) for error in errors),
        false_starts=len(starts) - in_song,
        quiet_s=seconds - sum(span.end_s - span.start_s for span in songs),
    )


def _stretches(events: Sequence[Event], seconds: float) -> tuple[list[tuple[float, float]], list[str]]:
    spans: list[tuple[float, float]] = []
    names: list[str] = []
    start: Event | None = None
    for event in events:
        if start is not None and event.event in ("song_start", "song_end"):
            spans.append((start.time_s, max(start.time_s, event.time_s)))
            names.append(start.song)
            start = None
        if event.event == "song_start":
            start = event
    if start is not None:
        spans.append((start.time_s, seconds))
        names.append(start.song)
    return spans, names
