"""The denoiser: its grid and its levels against physics, blocks against the whole, and that it can learn."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.learn.checkpoint import save_model, state_weights
from tonewheel.learn.recipe import load_recipe, packaged_recipes
from tonewheel.learn.stream import Stream as Batches
from tonewheel.metrics.log_spectral import distances_db
from tonewheel.systems.restore.hiss import train as training
from tonewheel.systems.restore.hiss.data import HissStream, band, click_residue, rms, spectrum, true_floor
from tonewheel.systems.restore.hiss.denoiser import CLEAN_DB, KIND, LEAST_GAIN_DB, Denoiser
from tonewheel.systems.restore.hiss.frames import OVERLAP, analyse, grid, row_levels, synthesise, to_bins
from tonewheel.systems.restore.hiss.levels import QUANTILES, Levels
from tonewheel.systems.restore.hiss.loss import DISTANCE_FFT, distance_db
from tonewheel.systems.restore.hiss.model import Denoiser as Network
from tonewheel.systems.restore.hiss.recipe import HissRecipe
from tonewheel.systems.restore.hiss.train import HissModule, train
from tonewheel.systems.restore.prepare import Prepared, prepare

SMOKE = load_recipe("smoke", HissRecipe)
RATE_HZ = 44_100


def noise(seconds: float, level: float = 0.01, seed: int = 0, rate_hz: int = RATE_HZ) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, round(seconds * rate_hz)).astype(np.float32)


def chord(seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return sum(0.1 * np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6, 1318.5)).astype(np.float32)


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    """Weights that were never trained, but that differ from row to row and frame to frame."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Denoiser(Network(SMOKE.network), "untrained")


@pytest.fixture(scope="module")
def few_songs(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("songs")
    lines = ["path,kind,license,split,title"]
    for number, split in enumerate(("train", "train", "valid")):
        write(folder / f"{number}.wav", chord(7.0) * (1 + 0.3 * number) / 2 + noise(7.0, 1e-4), RATE_HZ)
        lines.append(f"{number}.wav,music,CC0-1.0,{split},song {number}")
    (folder / "index.csv").write_text("\n".join(lines) + "\n")
    return prepare([folder], tmp_path_factory.mktemp("prepared"))[0]


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_a_row_means_the_same_frequency_at_every_rate(rate_hz: int) -> None:
    at, reference = grid(rate_hz), grid(44_100)
    rows = min(at.rows, reference.rows) - 1

    def centres_hz(one: object, rate: int) -> np.ndarray:
        hz = np.arange(len(one.row_of_bin)) * rate / one.n_fft  # type: ignore[attr-defined]
        return np.bincount(one.row_of_bin, hz) / one.bins_of_row.numpy()  # type: ignore[attr-defined]

    np.testing.assert_allclose(
        centres_hz(at, rate_hz)[1:rows], centres_hz(reference, 44_100)[1:rows], rtol=5e-3
    )
    assert int(at.bins_of_row.min()) >= 1
    assert int(at.bins_of_row.sum()) == at.n_fft // 2 + 1
    assert at.n_fft == OVERLAP * at.hop


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_spectra_come_back(rate_hz: int) -> None:
    at, audio = grid(rate_hz), torch.from_numpy(noise(1.0, 0.1, rate_hz=rate_hz))[None]
    spectra = analyse(audio, at)
    back = synthesise(spectra * to_bins(torch.ones(1, at.rows, spectra.shape[2]), at), at)
    edge = (OVERLAP - 1) * at.hop
    torch.testing.assert_close(back[:, edge:-edge], audio[:, edge : back.shape[1] - edge], atol=1e-6, rtol=0)


def test_the_level_of_white_noise_is_its_variance_in_every_row() -> None:
    at = grid(RATE_HZ)
    power = 10 ** (row_levels(analyse(torch.from_numpy(noise(8.0, 0.01))[None], at), at)[0] / 10)
    level_db = 10 * torch.log10(power.mean(dim=1))
    assert level_db[2:].mean().item() == pytest.approx(-40.0, abs=0.1)
    assert level_db[2:].std().item() < 0.6
    np.testing.assert_allclose(true_floor(noise(8.0, 0.01))[2:].mean(), -40.0, atol=0.1)


def test_quantiles_are_those_of_the_frames_however_they_come() -> None:
    audio = chord(5.0) + noise(5.0)
    whole, parts = Levels(RATE_HZ), Levels(RATE_HZ)
    whole.push(audio)
    for part in np.split(audio, [1, 5000, 5001, 90_000]):
        parts.push(part)
    np.testing.assert_array_equal(whole.counts, parts.counts)
    at = grid(RATE_HZ)
    frames = row_levels(analyse(torch.from_numpy(audio)[None], at), at)[0].numpy()
    expected = np.quantile(frames, QUANTILES, axis=1, method="inverted_cdf")
    np.testing.assert_allclose(whole.quantiles(), expected, atol=0.51)
    power = (10 ** (frames / 10)).mean(axis=1)
    np.testing.assert_allclose(10 * np.log10(whole.mean_power() / power), 0, atol=0.26)


def test_digital_silence_says_nothing_of_the_hiss() -> None:
    alone, padded = Levels(RATE_HZ), Levels(RATE_HZ)
    alone.push(noise(3.0))
    padded.push(np.concatenate([np.zeros(100_000, np.float32), noise(3.0), np.zeros(100_000, np.float32)]))
    np.testing.assert_allclose(alone.quantiles()[3], padded.quantiles()[3], atol=2.0)
    empty = Levels(RATE_HZ)
    empty.push(np.zeros(RATE_HZ, np.float32))
    assert (empty.quantiles() == -150).all()


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 150_000), max_size=6), length=st.integers(0, 150_000))
def test_blocks_of_any_length_give_the_whole(denoiser: Denoiser, cuts: list[int], length: int) -> None:
    rate_hz = 8_000
    audio = (chord(19.0, rate_hz) + noise(19.0, rate_hz=rate_hz))[:length]
    floor = denoiser.measure(audio, rate_hz)
    whole = denoiser.process(audio, rate_hz, floor)
    assert whole.shape == audio.shape
    stream = denoiser.stream(rate_hz, floor)
    parts = [stream.push(part) for part in np.split(audio, sorted(min(cut, length) for cut in cuts))]
    np.testing.assert_allclose(np.concatenate([*parts, stream.finish()]), whole, atol=1e-6)


def test_blocks_give_what_one_pass_over_all_frames_gives(denoiser: Denoiser) -> None:
    audio = chord(6.0) + noise(6.0)
    floor = denoiser.measure(audio, RATE_HZ)
    at = grid(RATE_HZ)
    edge = (OVERLAP - 1) * at.hop
    padded = np.concatenate(
        [np.zeros(edge, np.float32), audio, np.zeros(edge + -len(audio) % at.hop, np.float32)]
    )
    with torch.inference_mode():
        spectra = analyse(torch.from_numpy(padded)[None], at)
        gains = denoiser.network(
            row_levels(spectra, at), torch.tensor(floor.levels_db)[None], torch.tensor(floor.hiss_db)[None]
        )
        gains = gains.clamp_min(10 ** (LEAST_GAIN_DB / 20))
        expected = synthesise(spectra * to_bins(gains, at), at)[0, edge : edge + len(audio)].numpy()
    found = denoiser.process(audio, RATE_HZ, floor)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found - audio).max() > 1e-3


def test_strength_goes_from_nothing_to_all(denoiser: Denoiser) -> None:
    audio = chord(2.0) + noise(2.0)
    floor = denoiser.measure(audio, RATE_HZ)
    full, half = (denoiser.process(audio, RATE_HZ, floor, strength) for strength in (1.0, 0.5))
    np.testing.assert_array_equal(denoiser.process(audio, RATE_HZ, floor, 0.0), audio)
    np.testing.assert_allclose(half - audio, 0.5 * (full - audio), atol=1e-5)
    with pytest.raises(InputError, match="strength"):
        denoiser.stream(RATE_HZ, floor, 1.1)
    with pytest.raises(InputError, match="44100"):
        denoiser.stream(48_000, floor)


def test_next_to_no_hiss_is_left_alone_bit_for_bit(denoiser: Denoiser) -> None:
    audio = chord(1.0)
    floor = denoiser.measure(audio, RATE_HZ)
    faint = msgspec.structs.replace(floor, snr_db=CLEAN_DB + 1)
    np.testing.assert_array_equal(denoiser.process(audio, RATE_HZ, faint), audio)


def test_the_network_sees_no_further_than_it_says(denoiser: Denoiser) -> None:
    network = denoiser.network
    levels, quantiles = torch.randn(1, 640, 60) * 10, torch.randn(1, 6, 640).cumsum(1)
    floor = network.floor(quantiles)
    moved = levels.clone()
    moved[..., 30] += 20
    with torch.inference_mode():
        change = (network(levels, quantiles, floor) - network(moved, quantiles, floor)).abs().amax(dim=(0, 1))
    seen = change.nonzero().ravel()
    assert 30 - network.reach <= int(seen.min()) <= 30 <= int(seen.max()) <= 30 + network.reach
    assert int(seen.max()) - int(seen.min()) >= network.reach  # and it does look around


def test_loudness_does_not_matter(denoiser: Denoiser) -> None:
    audio = chord(2.0) + noise(2.0)
    loud, quiet = (
        denoiser.process(part, RATE_HZ, denoiser.measure(part, RATE_HZ)) for part in (audio, audio / 10)
    )
    assert rms(loud - 10 * quiet) < 3e-3 * rms(loud)  # the histogram's steps move


def test_the_distance_is_the_metrics(few_songs: Prepared) -> None:
    clean, other = chord(1.5) + noise(1.5, 1e-3), chord(1.5) + noise(1.5, 3e-3, seed=1)
    found = distance_db(torch.from_numpy(clean)[None], torch.from_numpy(other)[None]).item()
    # The metric's windows are 46 ms: 2028 samples, ours 2048.
    assert pytest.approx(0.046, rel=0.01) == DISTANCE_FFT / RATE_HZ
    assert found == pytest.approx(float(distances_db(clean, other).mean()), rel=0.03)


def test_draws_are_what_they_say() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = spectrum(rng, HissRecipe().noise)
        hz = [f for f, _ in points]
        assert hz == sorted(set(hz))
    assert rms(click_residue(rng, RATE_HZ)) == pytest.approx(1.0, rel=1e-3)
    cut = band(noise(1.0), 100.0, 4000.0, 8.0)
    power = np.abs(np.fft.rfft(cut)) ** 2
    assert power[8000:].sum() < 1e-4 * power[200:3000].sum()


def test_batches_are_a_function_of_their_step_and_hold_what_they_say(few_songs: Prepared) -> None:
    one, again = (Batches(HissStream(few_songs, SMOKE).draw, 3) for _ in range(2))
    a, b, c = one[5], again[5], one[6]
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert not torch.equal(a.noisy, c.noisy)
    assert a.noisy.shape == a.clean.shape == (SMOKE.fit.batch_size, round(SMOKE.noise.crop_s * RATE_HZ))
    assert a.quantiles.shape == (SMOKE.fit.batch_size, len(QUANTILES), 640)
    assert (a.quantiles.diff(dim=1) >= 0).all()


def test_every_weight_gets_a_gradient(few_songs: Prepared) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = HissModule(SMOKE)
    batch = Batches(HissStream(few_songs, SMOKE).draw, 0)[0]
    module._losses(batch).total(SMOKE.loss).backward()
    for name, weight in module.named_parameters():
        assert weight.grad is not None, name
        assert float(weight.grad.abs().sum()) > 0, name


def test_a_small_run_learns_and_its_weights_can_be_used(
    few_songs: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "VALIDATION_BATCHES", 1)
    result = train(few_songs, SMOKE, tmp_path)
    assert result.steps == SMOKE.fit.max_steps
    assert set(state_weights(result.best, prefix="denoiser.")) == set(Network(SMOKE.network).state_dict())
    loaded = Denoiser.load(tmp_path / "hiss.safetensors")
    assert loaded.process(noise(0.5), RATE_HZ, loaded.measure(noise(0.5), RATE_HZ)).shape == (22_050,)


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_model(path, {"a": torch.ones(1)}, {"kind": KIND, "recipe": {"colour": "green"}})
    with pytest.raises(ModelMismatchError, match="another version"):
        Denoiser.load(path)
    with pytest.raises(InputError):
        Denoiser.load(tmp_path / "missing.safetensors")


def test_every_packaged_recipe_is_read() -> None:
    names = packaged_recipes(HissRecipe)
    assert {"base", "smoke"} <= set(names)
    for name in names:
        load_recipe(name, HissRecipe)
