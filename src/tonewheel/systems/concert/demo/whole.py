"""The same recording after the show: aligned with a set list that the band did not keep to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tonewheel.core.files import write_text
from tonewheel.core.units import format_time_s
from tonewheel.gates import html
from tonewheel.metrics.segments import boundary_errors, frame_accuracy, songs_found
from tonewheel.systems.concert.align.page import picture
from tonewheel.systems.concert.align.run import Aligned, align
from tonewheel.systems.concert.decode.fixes import UNKNOWN
from tonewheel.systems.concert.demo.show import Programme
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack


class Whole(NamedTuple):
    """An alignment of the show and how far it is from the truth."""

    aligned: Aligned
    planned: tuple[str, ...]
    frame_accuracy: float
    found: float
    boundary_s: float
    """Median error of the boundaries of known songs."""


def wrong_setlist(show: Programme) -> tuple[str, ...]:
    """The set list as it hung on the wall: two songs swapped, one that is not played, the surprise not on it."""
    known = [song.title for song in show.played if show.known(song)]
    if len(known) > 1:
        known[-1], known[-2] = known[-2], known[-1]
    spare = [song.title for song in show.songs if song not in show.played]
    return (*known[: len(known) // 2], *spare[:1], *known[len(known) // 2 :])


def align_show(show: Programme, recording: Path, pack: Pack, embedder: Embedder, folder: Path) -> Whole:
    """Write setlist.json and the folder `aligned` beside the recording, and hold the result against the plan."""
    planned = wrong_setlist(show)
    setlist = folder / "setlist.json"
    write_text(setlist, json.dumps([{"title": title} for title in planned], ensure_ascii=False) + "\n")
    made = align(recording, pack, embedder, folder / "aligned", setlist=setlist, force=True)
    known = {song.title for song in show.songs}
    titles = [show.played[span.song].title for span in show.plan.setlist]
    spans = [(span.start_s, span.end_s) for span in show.plan.setlist]
    labels = [title if title in known else UNKNOWN for title in titles]
    found = made.alignment.segments
    answer, answers = [(one.start_s, one.end_s) for one in found], [one.song for one in found]
    true = [edge for span, label in zip(spans, labels, strict=True) if label != UNKNOWN for edge in span]
    told = [edge for one in found if one.song != UNKNOWN for edge in (one.start_s, one.end_s)]
    return Whole(
        aligned=made,
        planned=planned,
        frame_accuracy=frame_accuracy(spans, labels, answer, answers),
        found=songs_found(spans, labels, answer, answers),
        boundary_s=float(np.median(boundary_errors(true, told))),
    )


def whole_section(whole: Whole) -> html.Markup:
    """The alignment as a section of the demo's page, with a link to its own."""
    aligned = whole.aligned
    found = aligned.alignment.segments
    seconds = aligned.alignment.seconds
    shown = html.figure(
        picture(aligned.alignment, aligned.recording, aligned.decoding.posterior, aligned.states.songs),
        alt="The songs that were found: "
        + "; ".join(f"{one.song} from {format_time_s(one.start_s)}" for one in found),
    )
    return html.section(
        "After the show: the recording, song by song",
        f"The listener above knows only what has been. Afterwards the whole recording is there, and the set list that"
        f" hung on the wall: {', '.join(whole.planned)}. The band did not keep to it. tonewheel concert align takes a"
        " set list for what is likely, and no more.",
        html.cards(
            [
                ("songs found", f"{whole.found:.0%}", "of those played, the unknown one too"),
                ("right at every moment", f"{whole.frame_accuracy:.1%}", "of the recording, pauses included"),
                ("boundaries", f"{whole.boundary_s:.2f} s", "off, the median"),
                (
                    "listened",
                    f"{aligned.hear_s:.1f} s",
                    f"{seconds / max(aligned.hear_s, 1e-9):.0f} x real time",
                ),
                ("decoded", f"{aligned.decode_s:.2f} s", "again after a fix: a fraction"),
            ]
        ),
        html.Markup(f"<div class=scroll>{shown}</div>"),
        "Above, the waveform in the colours of the songs; below, the probability of each at every moment. In the folder"
        " concert/aligned: labels for Audacity, CUE, chapters, JAMS, CSV, and a page of its own.",
        html.Markup(
            "<p><a href='concert/aligned/index.html'>The page of the alignment, least certain first</a></p>"
        ),
    )
