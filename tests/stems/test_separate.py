"""Taking apart: stems sum to the mix, cutting makes no difference, files are whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.audio.decode import load, probe
from tonewheel.audio.encode import write
from tonewheel.cli.main import main
from tonewheel.learn.checkpoint import save_model
from tonewheel.manifest.stem_snapshot_check import parse_snapshot
from tonewheel.manifest.stems import FOLDS, STEMS, fold_rows
from tonewheel.systems.stems.baselines.hpss import Hpss, percussive_share
from tonewheel.systems.stems.baselines.low_pass import LowPass
from tonewheel.systems.stems.baselines.share import EqualShares
from tonewheel.systems.stems.exact import GRID, exactly
from tonewheel.systems.stems.masker import NetMasker
from tonewheel.systems.stems.model import CONTEXT
from tonewheel.systems.stems.running import Running
from tonewheel.systems.stems.separate import Stream, separate
from tonewheel.systems.stems.spectra import analyse, synthesise

RATE = 44_100


def noise(channels: int, samples: int, seed: int = 0) -> np.ndarray:
    """A mix that passes for music: loud enough, not full scale."""
    return (np.random.default_rng(seed).standard_normal((channels, samples)) * 0.1).astype(np.float32)


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main(["-q", "stems", "separate", *map(str, arguments)])
    return int(left.value.code or 0)


def test_the_stream_is_the_whole_however_it_is_cut(masker: NetMasker) -> None:
    mix = torch.from_numpy(noise(2, 6 * RATE + 777))
    samples = mix.shape[1]
    with torch.inference_mode():
        spectrum = analyse(mix)
        shares = masker.network(spectrum[None], torch.zeros(1, CONTEXT))[0]
        whole = torch.stack([synthesise(spectrum * share[..., None], samples) for share in shares])
    assert float(shares.std()) > 0.05
    for cuts in ([samples], [7, 100_000, 1, 90_000, 2], [RATE] * 5):
        running, given, at = Running(masker, stretch=32), [], 0
        for cut in [*cuts, samples]:
            given.append(running.push(mix[:, at : at + cut]))
            at += cut
        stems = torch.cat([*given, running.finish()], dim=2)
        assert stems.shape == (6, 2, samples)
        assert float((stems - whole).abs().max()) < 1e-5


def test_what_a_stretch_gives_is_given_before_the_end(masker: NetMasker) -> None:
    running = Running(masker, stretch=32)
    first = running.push(torch.from_numpy(noise(2, 10 * RATE)))
    assert first.shape[2] > 4 * RATE, "memory would grow with the recording"
    assert running.heard.shape[1] < 7 * RATE


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (48_000, 2), (8_000, 2), (96_000, 3)])
def test_any_rate_and_channels_come_back(masker: NetMasker, rate: int, channels: int) -> None:
    mix = noise(channels, rate + 11)
    stems = separate(mix, rate, masker)
    assert stems.shape == (6, *mix.shape)
    assert np.abs(stems.sum(axis=0, dtype=np.float64) - mix).max() < 1e-7


@pytest.mark.parametrize("fold", FOLDS)
def test_a_fold_is_the_sum_of_its_members(masker: NetMasker, fold: int) -> None:
    mix = noise(2, RATE // 2)
    six, folded = separate(mix, RATE, masker), separate(mix, RATE, masker, fold=fold)
    for row, members in enumerate(fold_rows(fold).values()):
        np.testing.assert_allclose(folded[row], six[members].sum(axis=0), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(0, 99), st.floats(0, 3), st.booleans())
def test_the_sum_is_exact_whatever_the_stems(count: int, seed: int, size: float, loud: bool) -> None:
    rng = np.random.default_rng(seed)
    mix = rng.integers(-(2**15), 2**15, 400).astype(np.float64) / 2**15
    stems = rng.standard_normal((count, 400)) * size * (3 if loud else 0.1)
    found = exactly(stems, mix, rest=count - 1, limited=True)
    assert (found.sum(axis=0, dtype=np.float64) == mix).all()
    assert (np.rint(found / GRID) * GRID == found).all()
    assert found.min() >= -1
    assert found.max() < 1


def test_a_file_becomes_files_that_sum_to_it_to_the_last_bit(weights: Path, tmp_path: Path) -> None:
    source = tmp_path / "song.wav"
    write(source, noise(2, RATE), RATE, sample_format="pcm_16")
    assert (
        run(source, "-o", tmp_path / "out", "--weights", weights, "--snapshot", tmp_path / "shared.json") == 0
    )
    mix = soundfile.read(source)[0]
    stems = [soundfile.read(tmp_path / "out" / f"{name}.wav")[0] for name in STEMS]
    assert (np.sum(stems, axis=0) == mix).all()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["sum_error"] == 0.0
    assert manifest["samples"] == RATE
    assert [one["stem"] for one in manifest["stems"]] == list(STEMS)
    told = (tmp_path / "shared.json").read_text()
    assert parse_snapshot(told.encode()).original_audio.channels == 2
    assert "song" not in told, "names are never shared"


def test_a_format_of_floats_stays_one(weights: Path, tmp_path: Path) -> None:
    source = tmp_path / "hot.wav"
    write(source, noise(1, RATE // 2) * 20, RATE)
    assert run(source, "-o", tmp_path / "out", "--weights", weights, "--stems", 2) == 0
    info = probe(tmp_path / "out" / "vocals.wav")
    assert (info.sample_format, info.channels) == ("float", 1)
    mix = load(source)[0].astype(np.float64)
    stems = [load(tmp_path / "out" / f"{name}.wav")[0] for name in ("vocals", "accompaniment")]
    assert np.abs(np.sum(stems, axis=0, dtype=np.float64) - mix).max() < 1e-6 * np.abs(mix).max()


def test_other_formats_become_flac_of_the_same_length(weights: Path, tmp_path: Path) -> None:
    source = tmp_path / "song.ogg"
    write(source, noise(2, RATE // 2), 48_000)
    assert run(source, "-o", tmp_path / "out", "--weights", weights, "--only", "bass", "--only", "sub") == 0
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["bass.flac", "manifest.json", "sub.flac"]
    assert probe(tmp_path / "out" / "bass.flac").seconds == probe(source).seconds


def test_a_lossy_file_that_goes_beyond_full_scale_keeps_its_peaks(weights: Path, tmp_path: Path) -> None:
    source = tmp_path / "hot.mp3"
    square = np.sign(np.sin(np.arange(RATE // 2) * 0.05)).astype(np.float32)
    write(source, square, RATE)
    mix = load(source)[0]
    assert np.abs(mix).max() > 1, "coding a square wave overshoots"
    assert run(source, "-o", tmp_path / "out", "--weights", weights, "--stems", 2) == 0
    stems = [load(tmp_path / "out" / f"{name}.wav")[0] for name in ("vocals", "accompaniment")]
    assert np.abs(np.sum(stems, axis=0, dtype=np.float64) - mix).max() < 1e-6


def test_a_bad_file_is_named_and_the_rest_goes_on(
    weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "good.wav", noise(1, RATE // 4), RATE)
    (folder / "bad.wav").write_bytes(b"RIFF nonsense")
    arguments = (folder, "-o", tmp_path / "out", "--weights", weights, "--json")
    assert run(*arguments) == 2
    out, err = capfd.readouterr()
    assert "bad.wav" in err
    assert json.loads(out)["out"].endswith("good")
    assert not (tmp_path / "out" / "bad").exists() or not list((tmp_path / "out" / "bad").iterdir())
    assert run(*arguments) == 2
    assert "--force" in capfd.readouterr().err


def test_what_cannot_be_is_told_before_any_work(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "song.wav"
    write(source, noise(1, 1000), RATE)
    for arguments, told in ((("--stems", 3), "6, 4 or 2"), (("--only", "vocal"), 'did you mean "vocals"'),
                            (("--weights", tmp_path / "none"), "no such file")):  # fmt: skip
        assert run(source, "-o", tmp_path / "out", *arguments) == 2
        assert told in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_song_in_two_formats_has_two_folders(weights: Path, tmp_path: Path) -> None:
    for name in ("song.wav", "song.flac", "other.wav"):
        write(tmp_path / "in" / name, noise(1, 2000), RATE)
    assert (
        run(tmp_path / "in", tmp_path / "in" / "song.wav", "-o", tmp_path / "out", "--weights", weights) == 2
    )
    assert not (tmp_path / "out").exists(), "the same recording twice is told before any work"
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--weights", weights) == 0
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"song.wav", "song.flac", "other"}


def test_neither_the_recording_nor_a_stem_is_written_over(
    weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "vocals.wav", tmp_path / "out"
    write(source, noise(1, 2000), RATE)
    before = source.read_bytes()
    for folder, more in (
        (tmp_path, ()),
        (out, ("--snapshot", source)),
        (out, ("--snapshot", out / "bass.wav")),
        (out, ("--snapshot", out / "manifest.json")),
    ):
        assert run(source, "-o", folder, "--weights", weights, "--force", *more) == 2
        assert "another" in capfd.readouterr().err
    assert source.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["vocals.wav"]
    assert run(source, "-o", out, "--weights", weights, "--snapshot", out / "shared.json") == 0


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_model(path, {"w": torch.ones(1)}, {"kind": "restore hiss"})
    with pytest.raises(Exception, match="restore hiss"):
        NetMasker.load(path)


@pytest.mark.parametrize(
    "baseline", [EqualShares(), EqualShares(4), LowPass(), Hpss()], ids=lambda one: one.name
)
def test_baselines_give_shares_that_sum_to_one(baseline: EqualShares | LowPass | Hpss) -> None:
    shares = baseline.shares(analyse(torch.from_numpy(noise(2, RATE // 2))))
    assert float((shares.sum(0) - 1).abs().max()) < 1e-6
    stream = Stream(baseline, RATE, 2)
    mix = noise(2, RATE // 2)
    stems = np.concatenate([stream.push(mix), stream.finish()], axis=2)
    assert np.abs(stems.sum(axis=0) - mix).max() < 1e-6


def test_hpss_is_that_of_librosa() -> None:
    decompose = pytest.importorskip("librosa.decompose")
    sizes = np.abs(np.random.default_rng(1).standard_normal((90, 80))).astype(np.float32)
    _, percussive = decompose.hpss(sizes, mask=True, power=2.0)
    np.testing.assert_allclose(percussive_share(sizes), percussive, atol=1e-5)


def test_a_low_tone_is_bass_and_a_click_is_drums() -> None:
    t = np.arange(RATE) / RATE
    low = separate(np.sin(2 * np.pi * 110 * t) * 0.3, RATE, LowPass())
    assert np.square(low[2]).sum() > 0.9 * np.square(low).sum()
    clicks = np.zeros(RATE)
    clicks[RATE // 2] = 0.9
    struck = separate(clicks, RATE, Hpss())
    assert np.square(struck[1]).sum() > 0.9 * np.square(struck).sum()
