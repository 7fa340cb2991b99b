"""The demo's evening: answers are judged right, and the page shows them whatever the songs are called."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from tonewheel.audio.decode import load, probe
from tonewheel.synth.compose import compose
from tonewheel.synth.concert import Span
from tonewheel.systems import Chapter
from tonewheel.systems.concert.demo.chapter import chapter, hour, lines, summary
from tonewheel.systems.concert.demo.compare import compare
from tonewheel.systems.concert.demo.show import Programme, draw_programme, programme, record_tracks
from tonewheel.systems.concert.listen import Event
from tonewheel.systems.concert.pack import Pack

HOSTILE = 'Café <script>alert(1)</script> $\\frac{1}{0}$ & "夜"'
SETLIST = (
    Span(start_s=10.0, end_s=60.0, kind="song", title="Intro", song=0),
    Span(start_s=70.0, end_s=110.0, kind="song", title="Surprise", song=1),
    Span(start_s=120.0, end_s=160.0, kind="song", title="Finale", song=2),
)


def event(time_s: float, kind: str, song: str, position_s: float = 0.0) -> Event:
    return Event(time_s=time_s, event=kind, song=song, position_s=position_s, score=0.8)  # type: ignore[arg-type]


def tiny() -> Programme:
    songs = [compose(seed, style, seconds=20.0) for seed, style in ((11, "rock"), (12, "folk"))]
    songs[1] = replace(songs[1], title=HOSTILE)
    return programme(songs, songs, seed=3, cut_s=18.0)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Chapter, Path]:
    folder = tmp_path_factory.mktemp("concert")
    return chapter(folder, 3, tiny()), folder


def test_an_hour_is_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Programme] = []
    module = sys.modules[chapter.__module__]
    monkeypatch.setattr(module, "chapter", lambda *given: asked.append(given[2]))
    hour(tmp_path, 0)
    (show,) = asked
    assert 3300 < show.plan.seconds < 4500
    assert [show.known(song) for song in show.played].count(False) == 1


class Reader(HTMLParser):
    """Text, open tags, and what the parser was not told to expect."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("img", "br", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_parses_and_names_the_songs_whatever_they_are_called(told: tuple[Chapter, Path]) -> None:
    page = "".join(told[0].sections)
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert "script" not in reader.tags
    assert {"img", "audio", "table"} <= set(reader.tags)
    assert HOSTILE in reader.text
    assert tiny().songs[0].title in reader.text
    assert len(page) < 5_000_000


def test_what_is_left_beside_the_page_can_be_used(told: tuple[Chapter, Path]) -> None:
    from tonewheel.systems.concert.embed import Embedder

    folder = told[1]
    assert set(Pack.read(folder / "show.pack", Embedder.shipped()).songs) == {
        song.title for song in tiny().songs
    }
    assert len(list((folder / "studio").glob("*.flac"))) == 2
    assert probe(folder / "concert.m4a").seconds == pytest.approx(tiny().plan.seconds, abs=0.2)


def test_the_same_seed_gives_the_same_evening(told: tuple[Chapter, Path], tmp_path: Path) -> None:
    again = chapter(tmp_path, 3, tiny())
    assert again.lines == told[0].lines
    assert (tmp_path / "show.pack").read_bytes() == (told[1] / "show.pack").read_bytes()
    first, _ = load(told[1] / "concert.m4a")
    second, _ = load(tmp_path / "concert.m4a")
    assert np.array_equal(first, second)


def test_a_seed_draws_the_surprise_and_its_place_and_distinct_titles() -> None:
    first, second = draw_programme(1), draw_programme(1)
    assert first == second != draw_programme(2)
    assert len(first.songs) == 8
    assert len(first.played) == 7
    assert [song.title for song in first.played if not first.known(song)] != []
    assert first.known(first.played[0])  # a show does not begin with a riddle
    titles = [song.title for song in first.everything]
    assert len(set(titles)) == len(titles) == 9
    cut = [span for span in first.plan.setlist if span.end_s - span.start_s == 50.0]
    assert len(cut) > 0


def test_two_songs_of_one_title_are_told_apart(tmp_path: Path) -> None:
    songs = [replace(compose(seed, seconds=8.0), title="../Intro\n") for seed in (1, 2)]
    show = programme(songs, songs, seed=1, cut_s=6.0)
    assert len({song.title for song in show.songs}) == 2
    assert all(title.isprintable() for title in (song.title for song in show.songs))
    tracks = record_tracks(show, tmp_path / "show")
    assert {path.parent for path in tmp_path.rglob("*.flac")} == {tmp_path / "show" / "studio"}
    assert len(tracks) == 2


def test_answers_are_judged_by_what_was_playing() -> None:
    events = [
        event(5.0, "song_start", "Finale"),  # nothing played
        event(9.0, "song_end", "Finale"),
        event(14.0, "song_start", "Intro", 4.5),
        event(20.0, "position", "Intro", 10.1),
        event(62.0, "song_end", "Intro"),
        event(80.0, "song_start", "Intro"),  # the surprise is mistaken for a song of the pack
        event(90.0, "song_end", "Intro"),
    ]
    outcome = compare(events, SETLIST, ["Intro", "Finale"], 170.0)
    intro, surprise, finale = outcome.played
    assert (intro.recognised_s, intro.latency_s, intro.ended_s) == (14.0, 4.0, 62.0)
    assert intro.position_error_s == pytest.approx(0.3)  # the median of 0.5 and 0.1
    assert not surprise.known
    assert surprise.recognised_s is None
    assert finale.known
    assert finale.recognised_s is None
    assert (outcome.found, outcome.expected, outcome.false_identifications) == (1, 2, 2)
    # wrong: 5-9, 10-14, 60-62, 80-90 and 120-160 of 170 s
    assert outcome.followed == pytest.approx(1 - 60 / 170)
    table = list(lines(outcome))
    assert any("not in the pack" in line for line in table)
    assert sum(line.startswith("false: ") for line in table) == 2
    assert "1 of 2 songs" in summary(outcome)
    assert "2 false identifications" in summary(outcome)


def test_a_song_that_never_ends_lasts_until_the_show_does_and_silence_is_no_answer() -> None:
    outcome = compare([event(125.0, "song_start", "Finale", 5.0)], SETLIST, ["Intro", "Finale"], 170.0)
    assert outcome.recognised[0].end_s == 170.0
    nothing = compare([], SETLIST, ["Intro", "Finale"], 170.0)
    assert nothing.found == 0
    assert nothing.median("latency_s") is None
    assert summary(nothing).startswith("0 of 2 songs recognised;")
