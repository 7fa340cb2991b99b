"""The drums chapter of the demo: a song is written down and played back; without weights it says so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tonewheel.audio.decode import load
from tonewheel.core.errors import InputError
from tonewheel.manifest.beatmap import read_beatmap
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.synth.compose import compose
from tonewheel.systems import Chapter
from tonewheel.systems.drums import demo
from tonewheel.systems.drums.hearing import ears
from tonewheel.systems.drums.hearing.ears import Ears

SONG = compose(21, "rock", seconds=14.0)


@pytest.fixture(scope="module")
def told(flux_ears: Ears, tmp_path_factory: pytest.TempPathFactory) -> tuple[Chapter, Path]:
    folder = tmp_path_factory.mktemp("drums")
    return demo.chapter(folder, 3, SONG, flux_ears), folder


def test_it_finds_drums_and_tells_of_each(told: tuple[Chapter, Path]) -> None:
    chapter, _ = told
    assert chapter.found
    assert any(line.startswith("kick") for line in chapter.lines)
    assert chapter.lines[-1].startswith("tempo: ")
    page = "".join(chapter.sections)
    assert page.count("<audio") == 2
    assert page.count("<img") == 1
    assert len(page) < 3_000_000


def test_what_it_leaves_can_be_used(told: tuple[Chapter, Path]) -> None:
    _, folder = told
    assert {path.name for path in folder.iterdir()} == {"song.flac", "song.bsm", "transcription.flac"}
    beatmap = read_beatmap(folder / "song.bsm")
    assert beatmap.audio["filename"] == "song.flac"
    song, _ = load(folder / "song.flac")
    again, _ = load(folder / "transcription.flac")
    assert len(song) == len(again)
    assert abs(again).max() > 0.05


def test_the_same_seed_gives_the_same_lines(
    told: tuple[Chapter, Path], flux_ears: Ears, tmp_path: Path
) -> None:
    assert demo.chapter(tmp_path, 3, SONG, flux_ears).lines == told[0].lines
    assert (tmp_path / "song.bsm").read_bytes() == (told[1] / "song.bsm").read_bytes()


def test_without_weights_the_chapter_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Ears:
        raise InputError("drums.safetensors", "is missing")

    monkeypatch.setattr(ears, "_shipped", missing)
    chapter = demo.chapter(tmp_path, 3, SONG)
    assert not chapter.found
    assert "is missing" in chapter.lines[0]
    assert "is missing" in "".join(chapter.sections)


def test_a_seed_draws_a_song_with_drums() -> None:
    first = demo.draw_song(1)
    assert first == demo.draw_song(1) != demo.draw_song(2)
    assert len(first.drums) >= demo.LEAST_HITS


def test_scores_count_by_class() -> None:
    played = [DrumHit(onset_s=1.0, label="kick"), DrumHit(onset_s=2.0, label="hihat_open")]
    found = (DrumHit(onset_s=1.04, label="kick"), DrumHit(onset_s=2.2, label="hihat_closed"))
    table = demo.compare(played, found)
    assert [(s.drum, s.counts.matched) for s in table] == [("kick", 1), ("hihat", 0)]
    assert demo.total(table).f == 0.5


def test_drums_are_as_loud_as_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    t = np.arange(4 * 44_100) / 44_100
    drums = (0.01 * np.sin(2 * np.pi * 400 * t)).astype(np.float32)
    rest = (0.2 * np.sin(2 * np.pi * 900 * t)).astype(np.float32)
    for others in ({"bass": rest}, {}, {"bass": 0 * rest}):
        rendered = SimpleNamespace(stems={"drums": drums, **others})
        monkeypatch.setattr(demo, "render", lambda *_, rendered=rendered: rendered)
        mix = demo.mixed(demo.draw_song(0))
        spectrum = np.abs(np.fft.rfft(mix))
        assert np.abs(mix).max() == pytest.approx(0.9, abs=1e-3)
        heard = spectrum[900 * 4] / spectrum[400 * 4]
        assert (
            heard == pytest.approx(0.9, abs=0.15) if others.get("bass", drums).max() > 0.1 else heard < 1e-3
        )
