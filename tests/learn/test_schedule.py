"""Learning rates step by step."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tonewheel.learn.recipe import FitRecipe
from tonewheel.learn.schedule import adamw, warm_up_cosine


def test_known_values() -> None:
    assert warm_up_cosine(0, 100, 9) == pytest.approx(0.1)
    assert warm_up_cosine(9, 109, 9) == 1.0
    assert warm_up_cosine(59, 109, 9) == pytest.approx(0.5)
    assert warm_up_cosine(34, 109, 9, final=0.2) == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2)
    assert warm_up_cosine(109, 109, 9, final=0.2) == 0.2


@given(st.integers(1, 300), st.integers(0, 300), st.floats(0, 1))
def test_it_rises_then_falls_and_never_leaves_its_bounds(max_steps: int, warm_up: int, final: float) -> None:
    warm_up = min(warm_up, max_steps)
    shares = [warm_up_cosine(step, max_steps, warm_up, final) for step in range(max_steps + 2)]
    assert all(0 < share <= 1 for share in shares[:warm_up])
    assert shares[:warm_up] == sorted(shares[:warm_up])
    assert shares[warm_up:] == sorted(shares[warm_up:], reverse=True)
    assert all(final - 1e-12 <= share <= 1 for share in shares[warm_up:])


def test_the_optimiser_follows_it_and_spares_biases() -> None:
    settings = FitRecipe(max_steps=8, warm_up_steps=2, learning_rate=0.4, final_learning_rate=0.1)
    module = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    configured = adamw(module, settings)
    optimiser, scheduler = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    assert [(len(group["params"]), group["weight_decay"]) for group in optimiser.param_groups] == [
        (1, settings.weight_decay),
        (3, 0.0),
    ]
    rates = []
    for _ in range(9):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    assert rates[2] == pytest.approx(0.4)
    assert rates[8] == pytest.approx(0.1)
    assert rates == pytest.approx([0.4 * warm_up_cosine(step, 8, 2, 0.25) for step in range(9)])
