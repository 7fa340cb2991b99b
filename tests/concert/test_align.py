"""A recording goes in, a set list with times comes out; what a person corrects holds."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from tests.concert.conftest import Show

from tonewheel.audio.encode import write
from tonewheel.cli.main import main
from tonewheel.core.errors import InputError
from tonewheel.systems.concert.align.formats import cue, read_labels
from tonewheel.systems.concert.align.hear import PIECE_STEPS, hear
from tonewheel.systems.concert.align.run import Aligned, align
from tonewheel.systems.concert.align.segments import Segment
from tonewheel.systems.concert.data import PairStream
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack
from tonewheel.systems.concert.prepare import prepare
from tonewheel.systems.concert.recipe import ConcertRecipe


@pytest.fixture(scope="module")
def folder(show_file: Path, pack: Pack, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("aligned")
    align(show_file, pack, embedder, out)
    return out


def again(folder: Path, show_file: Path, pack: Pack, embedder: Embedder, **options: object) -> Aligned:
    return align(show_file, pack, embedder, folder, **options)  # type: ignore[arg-type]


def one(song: str, start_s: float, end_s: float) -> Segment:
    return Segment(
        song=song, start_s=start_s, end_s=end_s, confidence=1, start_confidence=1, end_confidence=1
    )


def test_every_song_is_found_to_a_fraction_of_a_second(folder: Path, show: Show) -> None:
    rows = list(csv.DictReader((folder / "setlist.csv").read_text().splitlines()))
    assert [row["song"] for row in rows] == [title for title, _, _ in show.songs]
    for row, (_, start_s, end_s) in zip(rows, show.songs, strict=True):
        assert float(row["start_s"]) == pytest.approx(start_s, abs=0.15)
        assert float(row["end_s"]) == pytest.approx(end_s, abs=1.5)  # cut short: no reference's end to go by
        assert float(row["confidence"]) > 0.9


def test_formats_say_the_same(folder: Path, show: Show) -> None:
    jams = pytest.importorskip("jams")
    told = jams.load(str(folder / "alignment.jams"))  # validates
    (annotation,) = told.annotations
    assert annotation.namespace == "segment_open"
    labels = [line.split("\t") for line in (folder / "labels.txt").read_text().splitlines()]
    sheet = (folder / "setlist.cue").read_text()
    indices = re.findall(r"INDEX 01 (\d+):(\d+):(\d+)", sheet)
    for line, segment, index in zip(labels, annotation.data, indices, strict=True):
        minutes, seconds, frames = map(int, index)
        assert float(line[0]) == pytest.approx(segment.time)
        assert minutes * 60 + seconds + frames / 75 == pytest.approx(segment.time, abs=0.007)
        assert line[2] == segment.value
    assert re.match(r"0:00:0[23] Golden River\n", (folder / "chapters.txt").read_text())
    page = (folder / "index.html").read_text()
    assert page.count("<img") == 1
    assert "Least certain first" in page


def test_a_cue_sheet_survives_quotes_and_hours() -> None:
    sheet = cue([one('Say "Hi"\x1b', 7265.53, 7300)], 'a "b".mp4')
    assert "INDEX 01 121:05:40" in sheet
    assert "TITLE \"Say 'Hi'?\"" in sheet


def test_a_fix_holds_is_kept_and_listening_is_not_repeated(
    show_file: Path, pack: Pack, embedder: Embedder, tmp_path: Path
) -> None:
    align(show_file, pack, embedder, tmp_path)
    recording = tmp_path / "cache" / "heard-0000.npz"
    made_ns = recording.stat().st_mtime_ns
    fixed = again(tmp_path, show_file, pack, embedder, fixes=["Midnight Circuit@0:20-0:30"]).alignment
    assert [(s.song, s.start_s, s.end_s, s.fixed) for s in fixed.segments if s.fixed] == [
        ("Midnight Circuit", 20.0, 30.0, True)
    ]
    later = again(tmp_path, show_file, pack, embedder, fixes=["no song@1:00-1:20"]).alignment
    assert len(later.fixes) == 2
    assert all(s.end_s <= 60.5 or s.start_s >= 79.5 for s in later.segments)
    assert any(s.start_s == 20.0 for s in later.segments)
    assert recording.stat().st_mtime_ns == made_ns
    whole = align(
        show_file, pack, embedder, tmp_path / "new", fixes=["Midnight Circuit@20-30", "no song@60-80"]
    )
    assert whole.alignment.segments == later.segments


def test_edited_labels_become_fixes(show_file: Path, pack: Pack, embedder: Embedder, tmp_path: Path) -> None:
    before = align(show_file, pack, embedder, tmp_path).alignment.segments
    file = tmp_path / "labels.txt"
    lines = file.read_text().splitlines()
    lines[0] = f"{before[0].start_s + 1:.6f}\t{before[0].end_s:.6f}\t{before[0].song}"
    file.write_text("\n".join(lines[:2]) + "\n")  # the first moved, the third gone
    with pytest.raises(InputError, match="was edited"):
        again(tmp_path, show_file, pack, embedder)
    after = again(tmp_path, show_file, pack, embedder, labels=file).alignment
    assert [s.song for s in after.segments] == [s.song for s in before[:2]]
    assert after.segments[0].start_s == pytest.approx(before[0].start_s + 1)
    assert after.segments[0].fixed
    assert not after.segments[1].fixed
    fresh = again(tmp_path, show_file, pack, embedder, force=True).alignment
    assert fresh.segments == before


def test_a_long_recording_is_heard_in_pieces_and_a_killed_run_goes_on(
    embedder: Embedder, show_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = hear(show_file, embedder, tmp_path / "whole")
    monkeypatch.setattr("tonewheel.systems.concert.align.hear.PIECE_STEPS", 48)
    monkeypatch.setattr("tonewheel.systems.concert.align.hear.PARTS_AT_ONCE", 8)
    cut = hear(show_file, embedder, tmp_path / "cut")
    np.testing.assert_allclose(cut.heard.parts, whole.heard.parts, atol=2e-3)
    np.testing.assert_allclose(cut.peaks, whole.peaks, atol=1e-5)
    pieces = sorted((tmp_path / "cut").glob("heard-*"))
    assert len(pieces) > 2
    for piece in pieces[2:]:
        piece.unlink()
    pieces[1].write_bytes(b"not a piece")
    resumed = hear(show_file, embedder, tmp_path / "cut")
    np.testing.assert_allclose(resumed.heard.parts, whole.heard.parts, atol=2e-3)
    assert PIECE_STEPS == 1200


@pytest.mark.parametrize(
    "text", ["0\t1\n", "a\tb\tIntro\n", "nan\t2\tIntro\n", "0 1 Intro\n", "5\t1\tIntro\n"]
)
def test_a_label_file_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("0\t1\tIntro\n" + text)
    with pytest.raises(InputError, match=r"labels\.txt:2"):
        read_labels(file, ["Intro"], [])


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def test_command(
    show_file: Path, pack_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    setlist = tmp_path / "setlist.txt"
    setlist.write_text("Golden River\nNever Heard\nVelvet Harbour\nMidnight Circuit\n")
    out = tmp_path / "out"
    options = ("--pack", pack_file, "--setlist", setlist, "-o", out)
    assert run("concert", "align", show_file, *options, "--json") == 0
    told = capsys.readouterr()
    assert [json.loads(line)["song"] for line in told.out.splitlines()] == [
        "Golden River",
        "Midnight Circuit",
        "Velvet Harbour",
    ]
    assert 'the pack lacks "Never Heard"' in told.err
    assert run("concert", "align", show_file, *options, "--fix", "Golden Rivet@1-2") == 2
    assert 'did you mean "Golden River"' in capsys.readouterr().err
    assert run("concert", "align", show_file, *options, "--fix", "Golden River@9:00-9:10") == 2
    assert "past the end" in capsys.readouterr().err
    assert run("concert", "align", tmp_path / "gone.mp4", "--pack", pack_file, "-o", tmp_path / "o") == 2
    assert not (tmp_path / "o").exists()
    capsys.readouterr()
    write(tmp_path / "blip.wav", np.zeros(3_200, np.float32), 16_000)
    assert run("concert", "align", tmp_path / "blip.wav", "--pack", pack_file, "-o", tmp_path / "o") == 2
    assert "0.2 s of sound" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    write(tmp_path / "silence.wav", np.zeros(160_000, np.float32), 16_000)
    for verb in (("align", "-o", tmp_path / "s"), ("listen",)):
        assert run("concert", *verb, tmp_path / "silence.wav", "--pack", pack_file) == 1
        assert "no song of the pack was" in capsys.readouterr().err
    assert (
        run("concert", "listen", show_file, "--pack", pack_file, "--gate", "decoder", "--setlist", setlist)
        == 0
    )
    assert capsys.readouterr().out.count("song_start") == 3
    assert run("concert", "listen", show_file, "--pack", pack_file, "--setlist", setlist) == 2


def test_an_aligned_concert_becomes_pairs_for_training(
    folder: Path, tracks: Path, music: list[np.ndarray], show: Show, tmp_path: Path
) -> None:
    prepared, left_out = prepare([tracks, folder], tmp_path / "one")
    assert prepared.pairs == []
    assert any("--any-licence" in one.reason for one in left_out)
    prepared, _ = prepare([folder], tmp_path / "two", any_licence=True)
    assert prepared.pairs == []  # no studio tracks among the sources
    prepared, left_out = prepare([tracks, folder], tmp_path / "three", any_licence=True)
    assert left_out == []
    assert len(prepared.pairs) == len(show.songs)
    by_file = {track.file: track for track in prepared.tracks}
    for pair in prepared.pairs:
        first = round(pair.track_s * 16_000)
        clean = prepared.floats(by_file[pair.track], first, first + 16_000 * 8)
        live = prepared.live(pair, 0, 16_000 * 8)
        lags = np.fft.irfft(np.fft.rfft(live, 2**18) * np.conj(np.fft.rfft(clean, 2**18)))
        lag = int(lags.argmax())
        lag = lag - 2**18 if lag > 2**17 else lag
        assert abs(lag) < 0.25 * 16_000  # the same music, within half a hop
    stream = PairStream(prepared, ConcertRecipe.model_validate({"views": {"live_share": 1.0}}), split="train")
    batch = stream.draw(np.random.default_rng(0), 0)
    assert batch.clean.shape == batch.degraded.shape
