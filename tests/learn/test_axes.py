"""What a sweep varies, as people write it."""

from __future__ import annotations

import pytest

from tonewheel.core.errors import InputError
from tonewheel.learn.axes import grid, override, parse_axes, parse_axis


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1", (1,)),
        ("a=1,2,1", (1, 2)),
        ("a=1e-3,0.5", (0.001, 0.5)),
        ("a=true,false", (True, False)),
        ("a.b=[4, 8],[8, 16]", ([4, 8], [8, 16])),
        ("a=x.y", ("x.y",)),
    ],
)
def test_values_are_those_of_yaml(text: str, values: tuple[object, ...]) -> None:
    assert parse_axis(text).values == values


@pytest.mark.parametrize(
    ("text", "low", "high", "log", "whole"),
    [
        ("a=1..8", 1, 8, False, True),
        ("a=0.2..0.5", 0.2, 0.5, False, False),
        ("a=1e-4..1e-2:log", 1e-4, 1e-2, True, False),
        ("a=-1..1.5", -1, 1.5, False, False),
        ("a=2..64:log", 2, 64, True, True),
    ],
)
def test_a_range_has_two_ends(text: str, low: float, high: float, log: bool, whole: bool) -> None:
    axis = parse_axis(text)
    assert axis.is_range
    assert (axis.low, axis.high, axis.log, axis.whole) == (low, high, log, whole)


@pytest.mark.parametrize(
    "text", ["a", "a=", "=1", "a b=1", "a=2..1", "a=0..1:log", "a=x..y", "a=[1", "a=1..inf"]
)
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_axis(text)


def test_a_setting_is_varied_once() -> None:
    with pytest.raises(InputError, match="twice"):
        parse_axes(["a=1", "a=2"])
    with pytest.raises(InputError, match="nothing varies"):
        parse_axes([])


def test_a_grid_is_every_combination() -> None:
    found = list(grid(parse_axes(["a=1,2", "b=3,4,5"])))
    assert len(found) == 6
    assert {(one["a"], one["b"]) for one in found} == {(a, b) for a in (1, 2) for b in (3, 4, 5)}
    with pytest.raises(InputError, match="--bayes"):
        list(grid(parse_axes(["a=1..2"])))


def test_train_reads_a_setting_as_it_was_meant() -> None:
    from tonewheel.learn.recipe import FitRecipe, parse_recipe

    text = [override("learning_rate", 1e-05), override("score", "valid/x"), override("wandb", True)]
    recipe = parse_recipe("", FitRecipe, text)
    assert (recipe.learning_rate, recipe.score, recipe.wandb) == (1e-5, "valid/x", True)
