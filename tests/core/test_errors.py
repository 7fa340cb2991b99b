"""Errors tell where and what, and survive the way back from a worker process."""

import pickle

import pytest

from tonewheel.core.errors import InputError, MissingDependencyError, RecipeError, TonewheelError, nearest


@pytest.mark.parametrize(
    "error",
    [
        InputError("a.wav", "is empty"),
        InputError("a.jsonl", "key is missing", 3),
        RecipeError("base.yaml", ["one", "two"]),
        MissingDependencyError("wandb", "logging", "wandb"),
        MissingDependencyError("fpcalc", "the comparison"),
    ],
)
def test_errors_come_back_from_a_worker_unchanged(error: TonewheelError) -> None:
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)
    assert back.exit_status == 2


def test_nothing_is_suggested_for_a_word_that_is_far_from_all() -> None:
    assert nearest("q", ["identify", "listen"]) == ""
    assert nearest("lisen", ["identify", "listen"]) == ' (did you mean "listen"?)'
