"""Clicks: the net's finite view, its losses, streams, and what shipped weights do to music."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from tonewheel.core.errors import InputError
from tonewheel.degrade.clicks import Clicks
from tonewheel.systems.restore.clicks.declicker import SHIPPED_WEIGHTS, Declicker, Running, turns
from tonewheel.systems.restore.clicks.features import FEATURES, analyse
from tonewheel.systems.restore.clicks.loss import is_hit, losses
from tonewheel.systems.restore.clicks.model import STACKED, ClickNet, Judged
from tonewheel.systems.restore.clicks.recipe import ClicksRecipe, LossRecipe, NetworkRecipe, RepairRecipe
from tonewheel.systems.restore.clicks.remove import Verdicts, repair
from tonewheel.systems.restore.clicks.strategies import backwards, consistency
from tonewheel.systems.restore.clicks.watch import warning_signs

RATE = 44_100
needs_weights = pytest.mark.skipif(not SHIPPED_WEIGHTS.is_file(), reason="no weights are shipped yet")


def music(seconds: float, rate: int = RATE) -> np.ndarray:
    rng = np.random.default_rng(3)
    time = np.arange(round(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * f * time + f) / (1 + i) for i, f in enumerate(rng.uniform(100, 3000, 8)))
    return np.asarray(0.1 * tones + 1e-4 * rng.standard_normal(len(time)), np.float32)


def test_a_verdict_depends_on_its_context_alone() -> None:
    torch.manual_seed(0)
    net = ClickNet(NetworkRecipe(width=8), FEATURES).eval()
    torch.nn.init.normal_(net.heads.weight)
    features = torch.randn(1, FEATURES, 2048)
    changed = features.clone()
    changed[..., 1024] += 5.0
    moved = (net(features).hit != net(changed).hit)[0].nonzero()
    assert len(moved) > 0
    assert (moved - 1024).abs().max() <= net.context_samples


def test_a_group_of_samples_is_stacked_without_mixing_them_up() -> None:
    net = ClickNet(NetworkRecipe(width=4, dilations=(1,)), 1)
    with torch.no_grad():
        net.heads.bias.copy_(torch.arange(2 * STACKED))
    hit = net(torch.zeros(1, 1, 3 * STACKED)).hit[0]
    assert hit.tolist() == [*range(STACKED)] * 3


def test_losses_equal_a_plain_loop() -> None:
    rng = torch.Generator().manual_seed(0)
    hit, size, damage = (torch.randn(2, 40, generator=rng) for _ in range(3))
    damage = torch.where(torch.rand(2, 40, generator=rng) < 0.3, damage * 5, 0.0)
    settings = LossRecipe()
    found = losses(Judged(hit, size), damage, settings)
    target = is_hit(damage, settings.visible)
    entropy, surprise, count = 0.0, 0.0, 0
    for row in range(2):
        for i in range(40):
            t, p = float(target[row, i]), 1 / (1 + np.exp(-float(hit[row, i])))
            entropy -= (settings.hit_weight * np.log(p) if t else np.log(1 - p)) / 80
            if t:
                s = float(size[row, i])
                surprise += s + 2 * np.log1p(float(damage[row, i]) ** 2 * np.exp(-2 * s) / 3)
                count += 1
    assert found.hit.item() == pytest.approx(entropy, rel=1e-5)
    assert found.size.item() == pytest.approx(surprise / count, rel=1e-5)


def test_the_size_that_is_likeliest_is_that_of_the_damage() -> None:
    damage = 20 * torch.randn(1, 20_000, generator=torch.Generator().manual_seed(0))
    values = {
        size: losses(
            Judged(torch.zeros_like(damage), torch.full_like(damage, size)), damage, LossRecipe()
        ).size.item()
        for size in np.linspace(0, 6, 25)
    }
    assert abs(min(values, key=lambda size: values[size]) - np.log(20)) < 0.4


def test_features_backwards_are_those_of_the_sound_backwards() -> None:
    signal = music(0.7).astype(np.float64)[: 1024 * 24 + 1]
    signal[12_000] += 0.3
    ahead = analyse(signal, RATE, ClicksRecipe().analysis).features
    turned = backwards(torch.from_numpy(ahead)[None], upside_down=True)[0].numpy()
    heard = analyse(-signal[::-1].copy(), RATE, ClicksRecipe().analysis).features
    inner = slice(4096, -4096)
    assert np.corrcoef(turned[:, inner].ravel(), heard[:, inner].ravel())[0, 1] > 0.95


def test_agreement_costs_nothing_and_silence_is_not_rewarded() -> None:
    sure = Judged(torch.tensor([[5.0, -5.0, 5.0]]), torch.zeros(1, 3))
    silent = Judged(torch.full((1, 3), -5.0), torch.zeros(1, 3))
    assert consistency(sure, sure).item() == pytest.approx(0, abs=1e-4)
    assert consistency(sure, silent) > 1


def test_warning_signs_are_read_from_the_losses() -> None:
    falling, rising = np.linspace(1, 0.2, 12).tolist(), np.linspace(0.2, 0.9, 12).tolist()
    signs = [w.sign for w in warning_signs({"valid/hit": falling, "valid/real_consistency": rising})]
    assert "consistency rises" in signs
    assert "plateau" not in signs
    assert [w.sign for w in warning_signs({"valid/hit": [0.1] * 12})] == ["plateau"]
    assert warning_signs({}) == []


def test_judging_in_pieces_equals_judging_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    net = ClickNet(NetworkRecipe(width=8), FEATURES).eval()
    torch.nn.init.normal_(net.heads.weight, std=0.1)
    declicker = Declicker(net, ClicksRecipe(), "untrained")
    seen = analyse(music(0.1).astype(np.float64), RATE, ClicksRecipe().analysis)
    whole = declicker.verdicts(seen)
    monkeypatch.setattr("tonewheel.systems.restore.clicks.declicker.PIECE", 1024)
    pieces = declicker.verdicts(seen)
    np.testing.assert_allclose(pieces.hit, whole.hit, atol=1e-6)
    np.testing.assert_allclose(pieces.size, whole.size, rtol=1e-4)


def test_audio_of_three_dimensions_is_refused() -> None:
    declicker = Declicker(ClickNet(NetworkRecipe(width=4), FEATURES), ClicksRecipe(), "untrained")
    with pytest.raises(InputError, match="3 dimensions"):
        declicker.process(np.zeros((1, 1, 8), np.float32), RATE)


def test_a_fast_recording_is_judged_in_turns() -> None:
    assert [turns(rate) for rate in (8_000, 48_000, 88_200, 192_000)] == [1, 1, 2, 3]


def test_a_repair_touches_a_click_whole_and_a_doubtful_one_not_at_all() -> None:
    signal = music(0.5).astype(np.float64)
    hit = np.zeros(len(signal), np.float32)
    hit[5000:5008] = [0.4, 0.6, 0.95, 0.99, 0.9, 0.6, 0.4, 0.35]
    hit[9000:9004] = 0.7
    settings = RepairRecipe(widened=2, least_chance=0.3, sure_chance=0.9)
    damaged = signal + 0.2 * (hit > 0)
    verdicts = Verdicts(hit, np.full(len(signal), 0.2))
    repaired, mask = repair(damaged, verdicts, signal, RATE, settings)
    assert np.flatnonzero(mask).tolist() == [*range(4998, 5010)]
    assert np.array_equal(repaired[~mask], damaged[~mask])
    assert np.abs(repaired - signal)[4998:5010].max() < 0.02


@needs_weights
@pytest.mark.parametrize("rate", [RATE, 96_000])
def test_clicks_go_and_the_rest_stays_bit_for_bit(rate: int) -> None:
    clean = music(2.0, rate)
    shapes = ("spike", "step", "ringing", "noise")
    clicks = Clicks(rate_per_s=8, amplitude=0.3, width_ms=0.2, shapes=shapes, replacing=0.0, seed=5)
    damaged = clicks.apply(clean, rate)
    result = Declicker.shipped().process(damaged, rate)
    before, after = np.sum((damaged - clean) ** 2), np.sum((result.audio - clean) ** 2)
    assert 10 * np.log10(before / after) > 10
    hit = clicks.mask(len(clean), rate)
    near = ndimage.binary_dilation(hit, iterations=200)
    assert np.array_equal(result.audio[~near], damaged[~near])
    assert len(result.clicks) >= 0.7 * len(clicks.events(len(clean), rate))


@needs_weights
def test_clean_music_passes() -> None:
    clean = np.stack([music(1.0), 0.5 * music(1.0)[::-1]])
    result = Declicker.shipped().process(clean, RATE)
    assert np.mean((result.audio - clean) ** 2) < 1e-4 * np.mean(clean**2)


@needs_weights
def test_blocks_give_what_the_whole_gives() -> None:
    sound = np.tile(music(3.0), 4)[None, : 11 * RATE].copy()
    sound[0, RATE // 2 :: RATE] += 0.3
    declicker = Declicker.shipped()
    whole = declicker.process(sound, RATE)
    running = Running(declicker, RATE, channels=1)
    parts = [running.push(sound[:, at : at + 70_001]) for at in range(0, sound.shape[1], 70_001)]
    parts.append(running.finish())
    assert np.array_equal(np.concatenate([part.audio for part in parts], axis=1), whole.audio)
    assert [click for part in parts for click in part.clicks] == whole.clicks
