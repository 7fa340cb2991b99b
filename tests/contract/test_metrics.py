"""What every metric module promises: the same verbs, nonsense refused, results that JSON can hold."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import pkgutil
from types import ModuleType

import numpy as np
import pytest

from tonewheel import metrics

FOUND = {
    entry.name: importlib.import_module(f"{metrics.__name__}.{entry.name}")
    for entry in pkgutil.iter_modules(metrics.__path__)
}
MODULES = pytest.mark.parametrize("module", FOUND.values(), ids=list(FOUND))


def required(function: object) -> int:
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    return sum(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)


@MODULES
def test_it_says_what_it_measures(module: ModuleType) -> None:
    assert len((module.__doc__ or "").strip()) > 40


@MODULES
def test_it_has_the_verbs_with_docstrings(module: ModuleType) -> None:
    for verb in ("validate", "evaluate"):
        assert inspect.isfunction(getattr(module, verb, None)), f"{verb} is missing"
        assert getattr(module, verb).__doc__


@MODULES
@pytest.mark.parametrize("shape", [(3, 3, 3), (2, 3, 1, 2)], ids=str)
def test_nonsense_is_refused_not_scored(module: ModuleType, shape: tuple[int, ...]) -> None:
    nonsense = np.full(shape, np.nan)
    for verb in (module.validate, module.evaluate):
        with pytest.raises(ValueError, match=r"\w"):
            verb(*[nonsense] * required(verb))


@MODULES
def test_the_examples_of_evaluate_give_flat_json(module: ModuleType) -> None:
    found: list[dict[str, object]] = []

    class Recorder:
        """Stands in for `evaluate` in its own examples and keeps what it returned."""

        def __call__(self, *arguments: object, **options: object) -> object:
            result = module.evaluate(*arguments, **options)
            found.append(result)
            return result

    examples = doctest.DocTestFinder().find(module.evaluate, "evaluate", globs={**vars(module)})
    for example in examples:
        example.globs["evaluate"] = Recorder()
        doctest.DocTestRunner().run(example, out=lambda _: None)
    assert found, "evaluate needs an example"
    for result in found:
        assert all(isinstance(name, str) for name in result)
        assert all(value is None or isinstance(value, int | float | str) for value in result.values())
        json.dumps(result)
