"""The separator's network, its loss and its training, on small stems that are made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.core.records import write_jsonl
from tonewheel.core.seeds import generator
from tonewheel.learn.checkpoint import load_model
from tonewheel.learn.recipe import load_recipe
from tonewheel.learn.stream import Stream
from tonewheel.systems.stems.data import Batch, MixStream, reduced, spectrum_of
from tonewheel.systems.stems.loss import errors, ideal, loss, sdr
from tonewheel.systems.stems.making.takes import Prepared, Take, write_take
from tonewheel.systems.stems.masker import NetMasker
from tonewheel.systems.stems.model import CONTEXT, FULL_SCALE, GRID, NET_STEMS, Separator
from tonewheel.systems.stems.recipe import LossRecipe, MixRecipe, NetworkRecipe, StemsRecipe
from tonewheel.systems.stems.rows import BINS, ROWS, row_of_bin, row_starts, sub_share
from tonewheel.systems.stems.spectra import analyse, left_right, mid_side
from tonewheel.systems.stems.train import FILE, train

RATE = 44_100
SMALL = load_recipe("smoke", StemsRecipe).network


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Three songs for training and one for validation: a tone, clicks, a low tone and hiss, 3 s each."""
    folder = tmp_path_factory.mktemp("prepared")
    takes = []
    for number in range(4):
        rng, song = generator(0, "song", number), f"song{number}"
        t = np.arange(3 * RATE) / RATE
        clicks = np.zeros(3 * RATE)
        clicks[:: RATE // 4] = 1
        sounds = {
            "vocals": np.sin(2 * np.pi * (300 + 50 * number) * t),
            "drums": np.convolve(clicks, np.exp(-np.arange(2000) / 300))[: 3 * RATE],
            "bass": np.sin(2 * np.pi * 70 * t),
            "perc": rng.standard_normal(3 * RATE) * (np.sin(2 * np.pi * 3 * t) > 0.8),
        }
        for stem, mono in sounds.items():
            pan = np.array([[1.0], [0.5 if stem == "vocals" else 1.0]])
            audio = (0.2 * pan * mono).astype(np.float32)
            (folder / song).mkdir(exist_ok=True)
            gain = write_take(folder / song / f"{stem}.npy", audio)
            split = "valid" if number == 3 else "train"
            takes.append(
                Take(
                    song=song,
                    stem=stem,
                    file=f"{song}/{stem}.npy",
                    seconds=3.0,
                    split=split,
                    group=song,
                    gain=gain,
                )
            )
    write_jsonl(folder / "takes.jsonl", takes)
    return Prepared(folder)


def test_rows_hold_every_bin_once() -> None:
    starts = row_starts()
    assert len(starts) == ROWS
    assert ROWS % GRID == 0
    assert np.array_equal(np.bincount(row_of_bin()), np.diff([*starts, BINS]))
    share = sub_share()
    assert np.all(np.diff(share) <= 0)
    assert share[0] == 1
    assert share[-1] == 0


def test_the_error_by_sums_over_rows_is_the_error_of_the_spectra() -> None:
    rng = np.random.default_rng(0)
    stems = {
        stem: spectrum_of(rng.standard_normal((2, 4096 + 1024 * 3)).astype(np.float32), mono=stem == "bass")
        for stem in ("vocals", "bass", "perc")
    }
    power, cross, own = (torch.from_numpy(part)[None] for part in reduced(stems))
    shares = torch.rand(1, 5, 2, ROWS, 4)
    told = errors(shares, _batch(power, cross, own)).sum(dim=(2, 3, 4))[0]
    full = {name: np.zeros((2, 4, BINS), np.complex128) for name in NET_STEMS}
    for name, spectrum in stems.items():
        full[name][: len(spectrum)] = spectrum
    mix = sum(full.values())
    by_bin = shares[0].numpy()[:, :, row_of_bin()].swapaxes(-1, -2)
    for number, name in enumerate(NET_STEMS):
        direct = np.square(np.abs(by_bin[number] * mix - full[name])).sum() / FULL_SCALE
        assert float(told[number]) == pytest.approx(direct, rel=1e-3, abs=1e-6)


def test_perfect_shares_cost_nothing_and_silence_is_right_for_what_is_absent() -> None:
    power = torch.rand(2, 2, ROWS, 3)
    own = torch.zeros(2, 5, 2, ROWS, 3)
    own[:, 1] = power
    batch = _batch(power, own.clone(), own)
    best = torch.zeros(2, 5, 2, ROWS, 3)
    best[:, 1] = 1
    recipe = LossRecipe()
    assert float(loss(best, batch, recipe)) < 0.01
    assert torch.equal(ideal(batch)[:, 1] > 0.99, torch.ones_like(power, dtype=torch.bool))
    wrong = torch.full_like(best, 0.2)
    assert float(loss(wrong, batch, recipe)) > 0.5
    ratios = sdr(wrong, batch)
    assert bool(torch.isnan(ratios[:, [0, 2, 3, 4]]).all())
    assert not bool(torch.isnan(ratios[:, 1]).any())


def test_the_loss_has_a_gradient_even_where_nothing_is_wrong() -> None:
    power = torch.zeros(1, 2, ROWS, 2)
    nothing = torch.zeros(1, 5, 2, ROWS, 2)
    shares = torch.full_like(nothing, 0.2).requires_grad_()
    loss(shares, _batch(power, nothing, nothing), LossRecipe()).backward()
    assert shares.grad is not None
    assert bool(torch.isfinite(shares.grad).all())


@settings(max_examples=15, deadline=None)
@given(
    st.floats(-120, 60),
    st.integers(1, 40),
    st.integers(0, 2**31),
    st.booleans(),
)
def test_shares_sum_to_one_whatever_comes(level_db: float, frames: int, seed: int, mono: bool) -> None:
    torch.manual_seed(seed)
    network = Separator(SMALL).eval()
    spectrum = torch.randn(1, 2, BINS, frames, 2) * 10 ** (level_db / 20)
    if mono:
        spectrum[:, 1] = 0
    with torch.inference_mode():
        shares = network(spectrum, torch.randn(1, CONTEXT))
    assert shares.shape == (1, 6, 2, BINS, frames)
    assert bool((shares >= 0).all())
    assert float((shares.sum(1) - 1).abs().max()) < 1e-5
    whole = shares[:, 2] + shares[:, 5]
    assert torch.allclose(shares[:, 5], whole * torch.from_numpy(sub_share())[:, None], atol=1e-6)


def test_a_share_knows_nothing_beyond_its_reach() -> None:
    torch.manual_seed(0)
    network = Separator(NetworkRecipe()).eval()
    assert network.reach % GRID == 0
    frames = network.reach + 40
    spectrum = torch.randn(1, 2, BINS, frames, 2)
    changed = spectrum.clone()
    changed[:, :, :, network.reach :] = 0
    with torch.inference_mode():
        before, after = (network(each, torch.zeros(1, CONTEXT)) for each in (spectrum, changed))
    assert torch.allclose(before[..., 0], after[..., 0], atol=1e-5)
    assert not torch.allclose(before[..., -1], after[..., -1], atol=1e-5)


def test_mid_and_side() -> None:
    stereo = torch.randn(2, 500)
    assert torch.allclose(left_right(mid_side(stereo)), stereo, atol=1e-6)
    centred = stereo[:1].repeat(2, 1)
    assert float(analyse(centred)[1].abs().max()) == 0


@pytest.mark.parametrize("semitones", [-4, 0, 3])
def test_a_stem_played_faster_is_higher_and_as_long(prepared: Prepared, semitones: int) -> None:
    stream = MixStream(prepared, MixRecipe(semitones=4), 1)
    vocals = prepared.songs("train")["song1"][0]
    audio = stream.played(vocals, RATE // 2, semitones)
    assert audio.shape == (2, stream.samples)
    cycle = RATE / (350 * 2 ** (semitones / 12))
    rising = np.flatnonzero(np.diff(np.signbit(audio[0, :RATE]).astype(int)) < 0)
    assert np.mean(np.diff(rising)) == pytest.approx(cycle, rel=2e-3)


def test_a_batch_depends_on_seed_and_step_alone(prepared: Prepared) -> None:
    recipe = load_recipe("smoke", StemsRecipe)
    streams = [MixStream(prepared, recipe.mix, 2) for _ in range(2)]
    one, again = (Stream(stream.draw, 3)[7] for stream in streams)
    other = Stream(streams[0].draw, 3)[8]
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one.power, other.power)
    assert one.power.shape == (2, 2, ROWS, 32)
    assert one.own.shape == (2, 5, 2, ROWS, 32)


def test_a_killed_run_ends_where_an_uninterrupted_one_does(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ["fit.max_steps=4", "fit.checkpoint_every_steps=2", "fit.validate_every_steps=4"]
    recipe = load_recipe("smoke", StemsRecipe, few)
    monkeypatch.setattr("tonewheel.systems.stems.train.VALIDATION_BATCHES", 1)
    train(prepared, recipe, tmp_path / "whole")

    class Killed(Exception):
        pass

    draw = MixStream.draw

    def dying(self: MixStream, rng: np.random.Generator, step: int) -> object:
        if step == 3:
            raise Killed
        return draw(self, rng, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MixStream, "draw", dying)
        with pytest.raises(Killed):
            train(prepared, recipe, tmp_path / "cut")
    train(prepared, recipe, tmp_path / "cut")
    whole, cut = (load_model(tmp_path / run / FILE) for run in ("whole", "cut"))
    assert all(torch.equal(whole.tensors[name], cut.tensors[name]) for name in whole.tensors)
    card = (tmp_path / "whole" / FILE).with_suffix(".md").read_text(encoding="utf-8")
    assert whole.sha256 in card
    assert "3 songs" in card
    assert NetMasker.load(tmp_path / "whole" / FILE).fingerprint == whole.sha256


def test_a_folder_that_was_not_prepared_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stems prepare"):
        Prepared(tmp_path)


def _batch(power: torch.Tensor, cross: torch.Tensor, own: torch.Tensor) -> Batch:
    return Batch(power, cross, own, torch.zeros(len(power), CONTEXT))
