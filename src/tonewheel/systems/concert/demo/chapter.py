"""Play a show to the listener and tell the story of the evening, in lines and as sections of a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks, load, probe
from tonewheel.core.progress import progress
from tonewheel.core.units import format_time_s
from tonewheel.systems import Chapter
from tonewheel.systems.concert.demo.compare import Outcome, Played, compare, explain_positions
from tonewheel.systems.concert.demo.page import sections
from tonewheel.systems.concert.demo.show import Programme, draw_programme, film, play, record_tracks
from tonewheel.systems.concert.demo.trace import trace
from tonewheel.systems.concert.demo.whole import align_show, whole_section
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.listen import Listener, cost_summary, listen
from tonewheel.systems.concert.pack import Pack

Floats = NDArray[np.float32]
BLOCK_S = 0.5
WIDEST_TITLE = 32


class Stages:
    """Seconds that each stage of the evening took, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time what is inside."""
        began = perf_counter()
        yield
        self.seconds[name] = perf_counter() - began


def chapter(folder: Path, seed: int, programme: Programme | None = None) -> Chapter:
    """Synthesise a show (or play the one given), pack its songs, listen to it, compare.

    Leaves in `folder`: studio/*.flac, concert.m4a, show.pack, setlist.json and aligned/, so that the commands can be
    tried on them.
    """
    stages = Stages()
    show = programme or draw_programme(seed)
    with stages.timed("compose and record the songs"):
        tracks = record_tracks(show, folder)
    with stages.timed("play the show in the hall"):
        recording = film(play(show, tracks), folder)
    with stages.timed("load the model and pack the songs"):
        embedder = Embedder.shipped()
        records = [(song.title, tracks[song.title].path) for song in show.songs]
        made, _ = Pack.build(progress(records, "pack the songs", unit="songs"), embedder)
        made.write(folder / "show.pack")
        pack = Pack.read(folder / "show.pack", embedder)
    with stages.timed("listen to the whole show"):
        listener = Listener(pack, embedder)
        events = list(listen(_live(recording, embedder.spec.sample_rate_hz), listener))
    outcome = explain_positions(
        compare(events, show.plan.setlist, pack.songs, show.plan.seconds),
        {song.title: song for song in show.everything},
    )
    with stages.timed("score every half second again, for the picture"):
        heard, rate_hz = load(recording, sample_rate_hz=embedder.spec.sample_rate_hz)
        scores = trace(heard, pack, embedder)
    with stages.timed("align the recording of the whole show"):
        whole = align_show(show, recording, pack, embedder, folder)
    told = sections(show, tracks, heard, rate_hz, pack.songs, outcome, scores, stages.seconds,
                    cost_summary(listener.costs, embedder.hop_s), whole_section(whole))  # fmt: skip
    return Chapter("Concert: which song is playing?", outcome.found > 0, tuple(lines(outcome)), told)


def hour(folder: Path, seed: int) -> Chapter:
    """The same with a whole concert: nineteen songs of some three minutes, of which one is not in the pack."""
    return chapter(folder, seed, draw_programme(seed, played=18, seconds=(150.0, 210.0), cut_s=200.0))


def _live(recording: Path, rate_hz: int) -> Iterator[Floats]:
    """The file in the blocks in which a sound card would bring it."""
    total = int((probe(recording).seconds or 0.0) / BLOCK_S)
    heard = blocks(recording, block_s=BLOCK_S, sample_rate_hz=rate_hz, mono=True)
    yield from progress(heard, "listen", total=total, unit="half seconds")


def lines(outcome: Outcome) -> Iterator[str]:
    """The show as a table for a terminal, then its summary."""
    width = min(WIDEST_TITLE, max([len(song.song) for song in outcome.played] + [4]))
    heads = f"{'recognised':>10}  {'after':>7}  {'position':>11}  {'ended':>7}"
    yield f"{'song':<{width}}  {'played':<15}  {heads}"
    for song in outcome.played:
        yield f"{song.song[:width]:<{width}}  {_span(song):<15}  {_answer(song)}"
    for stretch in outcome.recognised:
        if not stretch.right:
            yield f'false: "{stretch.song}" at {format_time_s(stretch.start_s)}'
    yield summary(outcome)


def _span(song: Played) -> str:
    return f"{format_time_s(song.start_s)} - {format_time_s(song.end_s)}"


def _answer(song: Played) -> str:
    if song.recognised_s is None or song.latency_s is None or song.ended_s is None:
        if song.known:
            return f"{'no':>10}"
        return "not in the pack" + ("" if song.mistaken else ", and not mistaken for a song that is")
    error = "in a repeat" if song.repeats else f"+-{song.position_error_s or 0:.2f} s"
    at, ended = format_time_s(song.recognised_s), format_time_s(song.ended_s)
    return f"{at:>10}  {song.latency_s:>5.1f} s  {error:>11}  {ended:>7}"


def summary(outcome: Outcome) -> str:
    """The evening in one sentence."""
    wrong = outcome.false_identifications
    latency = outcome.median("latency_s")
    after = "" if latency is None else f", {latency:.1f} s after they began (median)"
    return (
        f"{outcome.found} of {outcome.expected} songs recognised{after};"
        f" {wrong or 'no'} false identification{'s' if wrong != 1 else ''};"
        f" right answer for {outcome.followed:.0%} of the show"
    )
