"""The hit classifier as a function: what it is made of, what it may depend on, and what it is scored by."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import RecipeError
from tonewheel.core.seeds import generator
from tonewheel.learn.recipe import load_recipe, packaged_recipes, parse_recipe
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits.model import HitNet, energy
from tonewheel.systems.drums.hits.recipe import HitNetworkRecipe, HitsRecipe
from tonewheel.systems.drums.hits.scores import confusion, f_scores, macro_f, macro_f_interval


@pytest.fixture(scope="module")
def net() -> HitNet:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return HitNet(HitNetworkRecipe(), 128).eval()


def test_it_has_as_many_parameters_as_it_says(net: HitNet) -> None:
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()}
    # The layers that were asked for, convolutions without bias; not "about 840,000".
    blocks = [(1, 32), (32, 64), (64, 128), (128, 256)]
    assert sum(9 * i * o + 2 * o for i, o in blocks) + 256 * 12 + 12 == 391_404
    assert sum(count[f"block{n}"] for n in (1, 2, 3, 4)) + count["label"] == 391_404
    assert count["velocity"] + count["openness"] + count["known"] == 773
    total = sum(p.numel() for p in net.parameters())
    assert total == 391_404 + 773 + net.place.numel() == 394_225
    assert 4 * total < 2_000_000  # bytes as they ship


def test_only_the_velocity_knows_how_loud_a_hit_was(net: HitNet) -> None:
    picture = torch.randn(3, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        quiet, loud = net(picture - 3.0), net(picture + 2.0)
        torch.testing.assert_close(quiet.label, loud.label, atol=1e-4, rtol=1e-4)
        told, untold = net(picture, torch.tensor([-20.0, -20.0, torch.nan])), net(picture)
    assert torch.equal(told.label, untold.label)
    assert bool((told.velocity != untold.velocity)[:2].all())
    assert told.velocity[2] == untold.velocity[2]


def test_where_a_partial_lies_is_not_forgotten(net: HitNet) -> None:
    """A mean over bands alone would take a tom for the same tom an octave higher."""
    # Three octaves of pooling apart, so that pooling itself sees the same.
    low, high = torch.full((1, 128, 128), -20.0), torch.full((1, 128, 128), -20.0)
    low[:, 40:44, 20:60], high[:, 64:68, 20:60] = 0.0, 0.0
    with torch.inference_mode():
        difference = (net(low).label - net(high).label).abs().max()
        kept = net.place.clone()
        net.place.zero_()
        without = (net(low).label - net(high).label).abs().max()
        net.place.copy_(kept)
    assert difference > 100 * without


def test_energy_is_low_where_no_label_fits() -> None:
    sure, unsure = torch.zeros(1, 12), torch.zeros(1, 12)
    sure[0, 3] = 8.0
    assert energy(sure) > energy(unsure)
    assert float(energy(unsure)) == pytest.approx(np.log(12))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=60))
def test_macro_f_is_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    reference, estimate = (np.array(part) for part in zip(*pairs, strict=True))
    there = sorted(set(reference.tolist()))
    expected = metrics.f1_score(reference, estimate, labels=there, average="macro", zero_division=0)
    assert macro_f(reference, estimate, 12) == pytest.approx(expected)
    found = confusion(reference, estimate, 12)
    assert (found == metrics.confusion_matrix(reference, estimate, labels=list(range(12)))).all()
    assert np.isnan(f_scores(found)).sum() == 12 - len(there)


def test_the_interval_draws_drums_not_hits() -> None:
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 3, 90)
    estimate = np.where(rng.random(90) < 0.8, reference, (reference + 1) % 3)
    alone = macro_f_interval(reference, estimate, [("k", str(i)) for i in range(90)], 12, generator(0))
    groups = [("k", str(i // 15)) for i in range(90)]
    together = macro_f_interval(reference, estimate, groups, 12, generator(0))
    assert alone.value == together.value == pytest.approx(macro_f(reference, estimate, 12))
    assert alone.low is not None
    assert alone.low < alone.value < (alone.high or 0)
    assert together.groups == 6
    # One hit a drum, many times over: as narrow as if there were only the drums.
    many = macro_f_interval(
        np.tile(reference, 4),
        np.tile(estimate, 4),
        [("k", str(i % 90)) for i in range(360)],
        12,
        generator(0),
    )
    assert (many.low or 0) == pytest.approx(alone.low, abs=0.03)


@pytest.mark.parametrize("name", sorted(packaged_recipes(HitsRecipe)))
def test_a_recipe_parses_and_is_closed(name: str) -> None:
    recipe = load_recipe(name, HitsRecipe)
    assert parse_recipe(recipe.to_yaml(), HitsRecipe) == recipe
    with pytest.raises(RecipeError, match='unknown key "nonsense"'):
        load_recipe(name, HitsRecipe, ["nonsense=1"])


def test_there_are_a_smoke_and_a_base_recipe() -> None:
    assert {"smoke", "base"} <= set(packaged_recipes(HitsRecipe))
    front = HitsRecipe().front_end
    assert (front.n_mels, front.frames) == (128, 128)
    assert 0.37 <= front.samples / front.sample_rate_hz <= 0.5
    assert front.spec().frames(front.samples) == front.frames
    assert len(LABELS) == 12
