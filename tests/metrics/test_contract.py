"""What every metric module has, whichever there are."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from tonewheel.metrics import discover


@pytest.mark.parametrize("module", discover().values(), ids=discover())
def test_a_metric_has_the_three_verbs_and_says_what_it_measures(module: ModuleType) -> None:
    assert callable(module.validate)
    assert callable(module.evaluate)
    assert module.__doc__ is not None
    assert len(module.__doc__) > 200
    for name in module.__all__:
        assert getattr(module, name).__doc__, f"{name} has no docstring"
    assert "evaluate" in doctest.script_from_examples(module.evaluate.__doc__)
