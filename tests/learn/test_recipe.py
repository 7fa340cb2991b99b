"""Recipes: closed, typed, complete, all errors at once."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from tonewheel.core.errors import InputError, RecipeError
from tonewheel.learn.recipe import FitRecipe, Recipe, load_recipe, parse_recipe


class Optimiser(Recipe):
    lr: float = Field(1e-3, gt=0, description="learning rate")
    name: Literal["adam", "sgd"] = "adam"


class Layer(Recipe):
    width: int


class Run(Recipe):
    steps: int
    note: str = ""
    optimiser: Optimiser = Optimiser()
    layers: tuple[Layer, ...] = ()
    lengths_s: tuple[float, ...] = (1.0, 2.0)


def test_values_overrides_and_defaults() -> None:
    text = "steps: 10\nlayers:\n  - width: 3\n"
    run = parse_recipe(text, Run, ["optimiser.lr=1e-4", "note=no", "lengths_s=[0.5]"])
    assert run.optimiser == Optimiser(lr=1e-4)
    assert run.note == "no"  # YAML 1.1 would have said False
    assert run.layers == (Layer(width=3),)
    assert run.lengths_s == (0.5,)


def test_an_unknown_key_suggests_the_nearest_one_and_its_line() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(
            "steps: 1\noptimiser:\n  learning: 1\n  nam: sgd\nlayers:\n  - width: 1\n    wdth: 2", Run
        )
    assert 'line 4: unknown key "nam" in optimiser (did you mean "name"?)' in caught.value.problems
    assert 'line 7: unknown key "wdth" in layers.0 (did you mean "width"?)' in caught.value.problems


def test_an_unknown_override_is_told_without_a_line() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe("steps: 1", Run, ["optimizer.lr=1"])
    assert caught.value.problems == ['unknown key "optimizer" (did you mean "optimiser"?)']


def test_all_problems_are_told_at_once() -> None:
    text = "note: x\nnote: y\noptimiser: {lr: -1, name: adagrad}\nlengths_s: [.nan]"
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, Run, ["steps"])
    told = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 6
    assert "line 2: note is given twice (first on line 1)" in told
    assert 'override "steps" is not of the form key.key=value' in told
    assert "steps: missing" in told
    assert "line 3: optimiser.lr: input should be greater than 0, got -1" in told
    assert "optimiser.name: input should be 'adam' or 'sgd', got 'adagrad'" in told
    assert "lengths_s.0: input should be a finite number, got nan" in told


@pytest.mark.parametrize("text", ["steps: [", "- 1", "just words", "\x00", "a: &a [*a, *b]"])
def test_what_is_no_mapping_is_one_clear_error(text: str) -> None:
    with pytest.raises(InputError, match=r"^r\.yaml"):
        parse_recipe(text, Run, where="r.yaml")


@given(st.text(max_size=60))
def test_any_text_is_a_recipe_or_an_error_of_ours(text: str) -> None:
    with contextlib.suppress(InputError, RecipeError):
        parse_recipe(text, Run)


@given(
    st.builds(
        Run,
        steps=st.integers(),
        note=st.text(),
        optimiser=st.builds(Optimiser, lr=st.floats(min_value=1e-300, allow_infinity=False)),
        lengths_s=st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
    )
)
def test_what_is_saved_is_read_back(run: Run) -> None:
    assert parse_recipe(run.to_yaml(), Run) == run


def test_the_saved_file_says_what_each_field_means(tmp_path: Path) -> None:
    FitRecipe().save(tmp_path / "fit.yaml")
    text = (tmp_path / "fit.yaml").read_text()
    assert "warm_up_steps: 100  # steps of linear rise to the peak" in text
    assert all(field.description for field in FitRecipe.model_fields.values())
    assert load_recipe(tmp_path / "fit.yaml", FitRecipe) == FitRecipe()


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(RecipeError, match="warm_up_steps 50 is more than max_steps 20"):
        parse_recipe("max_steps: 20", FitRecipe, ["warm_up_steps=50"])


def test_a_missing_recipe_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such recipe"):
        load_recipe(tmp_path / "none.yaml", Run)
    with pytest.raises(InputError, match="no such recipe"):
        load_recipe(tmp_path, Run)
    (tmp_path / "latin.yaml").write_bytes(b"note: \xe9")
    with pytest.raises(InputError, match="UTF-8"):
        load_recipe(tmp_path / "latin.yaml", Run)


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Run(steps=1).steps = 2  # type: ignore[misc]
