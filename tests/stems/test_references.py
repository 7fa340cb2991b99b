"""Multitracks of every layout: the mix is the sum of the stems, gains are the stated ones, what is broken is named."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tonewheel.audio.encode import write
from tonewheel.audio.loudness import integrated_lufs
from tonewheel.core.errors import InputError
from tonewheel.core.records import write_jsonl
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.making.takes import Take, write_take
from tonewheel.systems.stems.references import PEAK, Multitrack, multitracks, with_sub

RATE = 44_100


def tone(frequency_hz: float, seconds: float = 0.5, size: float = 0.1, rate: int = RATE) -> np.ndarray:
    """One channel, (1, samples)."""
    return (size * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate)) / rate))[None]


def index_of(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / "index.csv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        table = csv.DictWriter(lines, fieldnames=list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def row(path: str, label: str, song: str = "mdb_Song", split: str = "test") -> dict[str, str]:
    return {"path": path, "label": label, "kind": "raw_track", "kit": song, "split": split}


def power(audio: np.ndarray) -> float:
    return float(np.mean(np.square(audio, dtype=np.float64)))


def test_a_folder_a_song_and_a_file_a_stem(songs: Path) -> None:
    found = list(multitracks(songs))
    assert [one.title for one in found] == ["One", "Three", "Two"]
    for one in found:
        assert one.fold == 4
        assert set(one.stems) == {"vocals", "drums", "bass", "other"}, "the mixture is no stem"
        four = one.folded(4)
        assert four.shape == (4, 2, RATE)
        np.testing.assert_allclose(four.sum(axis=0), one.mix, atol=1e-6)
        np.testing.assert_allclose(one.folded(2)[1], four[1:].sum(axis=0), atol=1e-6)
        with pytest.raises(ValueError, match="not the six"):
            one.folded(6)


def test_songs_may_lie_in_folders_of_splits(songs: Path, tmp_path: Path) -> None:
    (tmp_path / "train").symlink_to(songs)
    assert [one.title for one in multitracks(tmp_path, "train")] == ["One", "Three", "Two"]
    with pytest.raises(InputError, match="no multitrack"):
        list(multitracks(tmp_path))


def test_the_bass_instrument_is_divided_where_six_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "song"
    low, high = tone(35), tone(120)
    write(folder / "bass.wav", low + high, RATE)
    write(folder / "perc.flac", tone(9000, 0.5 * RATE / 48_000, rate=48_000), 48_000)
    with pytest.raises(InputError, match="not equally long"):
        list(multitracks(tmp_path))
    (folder / "perc.flac").unlink()
    (song,) = multitracks(tmp_path)
    assert song.fold == 6
    six = dict(zip(STEMS, song.folded(6), strict=True))
    np.testing.assert_allclose(six["bass"] + six["sub"], np.repeat(low + high, 2, axis=0), atol=1e-4)
    middle = slice(RATE // 10, -RATE // 10)
    assert power(six["sub"][0, middle] - low[0, middle]) < 0.02 * power(low)
    assert power(six["bass"][0, middle] - high[0, middle]) < 0.02 * power(high)
    assert with_sub({"bass": low, "other": high}).keys() == {"bass", "other"}, "four stay four"


def test_the_gains_of_raw_parts_are_those_that_are_stated(tmp_path: Path) -> None:
    parts = {"a.wav": (440, 0.5), "b.wav": (700, 0.01), "c.wav": (110, 0.2), "d.wav": (2000, 0.003)}
    for name, (frequency_hz, size) in parts.items():
        write(tmp_path / name, tone(frequency_hz, 1.0 if name == "d.wav" else 1.5, size), RATE)
    rows = [row("a.wav", "vocals"), row("b.wav", "vocals"), row("c.wav", "bass"), row("d.wav", "drums")]
    index = index_of(tmp_path, [*rows, {**row("e.wav", "cymbals"), "kind": "one_shot"}])
    (song,) = multitracks(index)
    assert (song.title, song.group, song.fold) == ("Song", "mdb_Song", 4)
    assert song.mix.shape == (2, round(1.5 * RATE)), "a shorter part ends in silence"
    assert not song.stems["other"].any()
    assert float(np.abs(song.mix).max()) == pytest.approx(PEAK, abs=1e-5)
    loudness = [integrated_lufs(song.stems[name], RATE) for name in ("vocals", "bass", "drums")]
    assert np.ptp(loudness) < 0.01
    spectrum = np.abs(np.fft.rfft(song.stems["vocals"][0][:RATE]))
    # At one loudness, whatever they were recorded at; BS.1770 hears 440 and 700 Hz almost alike.
    assert spectrum[440] == pytest.approx(spectrum[700], rel=0.1)
    assert len(list(multitracks(index, "test"))) == 1
    with pytest.raises(InputError, match="no multitrack of split train"):
        list(multitracks(index, "train"))


def test_prepared_songs_come_at_the_levels_of_their_mix(tmp_path: Path) -> None:
    takes = []
    for stem, frequency_hz, size in (("vocals", 500, 0.2), ("bass", 120, 0.1)):
        gain = write_take(tmp_path / f"{stem}.npy", tone(frequency_hz, 0.5, size))
        takes.append(
            Take(song="a", stem=stem, file=f"{stem}.npy", seconds=0.5, split="valid", group="g", gain=gain)
        )
    write_jsonl(tmp_path / "takes.jsonl", takes)
    (song,) = multitracks(tmp_path)
    assert (song.group, song.fold) == ("g", 6)
    bass = song.stems["bass"] + song.stems["sub"]
    assert power(song.stems["vocals"]) == pytest.approx(4 * power(bass), rel=1e-3)
    (tmp_path / "bass.npy").unlink()
    with pytest.raises(InputError, match=r"bass\.npy"):
        list(multitracks(tmp_path))


def test_what_is_broken_or_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no index"):
        list(multitracks(tmp_path / "none"))
    with pytest.raises(InputError, match="no multitrack"):
        list(multitracks(tmp_path))
    folder = tmp_path / "song"
    write(folder / "vocals.wav", tone(440), RATE)
    (folder / "bass.txt").write_text("no sound")
    assert [list(one.stems) for one in multitracks(tmp_path)] == [["vocals"]]
    write(folder / "other.wav", tone(440), RATE)
    write(folder / "perc.wav", tone(440), RATE)
    with pytest.raises(InputError, match="beside"):
        list(multitracks(tmp_path))
    (folder / "perc.wav").unlink()
    write(folder / "vocals.flac", tone(440), RATE)
    with pytest.raises(InputError, match=r"song: has the stem vocals twice, as vocals\.flac and vocals\.wav"):
        list(multitracks(tmp_path))
    (folder / "vocals.flac").unlink()
    (folder / "drums.wav").write_bytes(b"RIFF nonsense")
    with pytest.raises(InputError, match=r"drums\.wav"):
        list(multitracks(tmp_path))
    write(folder / "drums.wav", np.zeros((3, 1000)), RATE, force=True)
    with pytest.raises(InputError, match=r"drums\.wav: has 3 channels"):
        list(multitracks(tmp_path))


def test_an_index_that_will_not_do_is_told_with_its_line(tmp_path: Path) -> None:
    index = index_of(tmp_path, [row("a.wav", "vocals"), row("b.wav", "guitar")])
    with pytest.raises(InputError, match=r'index\.csv:3: b\.wav: label "guitar" is none of vocals'):
        list(multitracks(index))
    index = index_of(tmp_path, [row("gone.wav", "vocals")])
    with pytest.raises(InputError, match=r"gone\.wav"):
        list(multitracks(index))
    index.write_text("path,label\na.wav,vocals\n")
    with pytest.raises(InputError, match=r"index\.csv:1: the header has no column kind"):
        list(multitracks(index))
    index.write_bytes(b"path,label,kind,kit\n\xff\xfe,vocals,raw_track,x\n")
    with pytest.raises(InputError, match=r"index\.csv"):
        list(multitracks(index))


def test_a_song_is_silent_where_a_stem_is_missing() -> None:
    song = Multitrack("a", "a", {"drums": np.ones((2, 10), np.float32)})
    assert song.folded(6).sum(axis=(1, 2)).tolist() == [0, 20, 0, 0, 0, 0]
    assert song.folded(2).sum(axis=(1, 2)).tolist() == [0, 20]
