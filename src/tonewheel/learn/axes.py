"""What a sweep varies: a setting of a recipe with its values, or with a range to search in.

fit.batch_size=8,16              these values
fit.learning_rate=1e-4..1e-2:log a range, even in the logarithm
network.dropout=0.2..0.5         a range; whole numbers at both ends make it one of whole numbers
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record

Settings = dict[str, Any]
"""Setting of a recipe, as fit.learning_rate, to its value."""

_KEY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_RANGE = re.compile(r"(?P<low>[^.,:]+(?:\.\d[^.,:]*)?)\.\.(?P<high>[^:,]+)(?P<log>:log)?")


class Axis(Record):
    """One setting and what it may be: some `values`, or all from `low` to `high`."""

    key: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    @property
    def is_range(self) -> bool:
        """Whether there are too many values to try them all."""
        return not self.values


def parse_axis(text: str) -> Axis:
    """An axis as it is written on the command line.

    >>> parse_axis("fit.batch_size=8,16").values
    (8, 16)
    >>> axis = parse_axis("fit.learning_rate=1e-4..1e-2:log")
    >>> axis.low, axis.high, axis.log, axis.whole
    (0.0001, 0.01, True, False)
    >>> parse_axis("freeze=[block1],[block1, block2]").values
    (['block1'], ['block1', 'block2'])
    """
    key, equals, rest = text.partition("=")
    key, rest = key.strip(), rest.strip()
    if not equals or not rest or not _KEY.fullmatch(key):
        raise InputError(text[:80], "is not of the form setting=value,value or setting=low..high")
    if found := _RANGE.fullmatch(rest):
        return _range(text, key, found["low"], found["high"], bool(found["log"]))
    values = _yaml(text, f"[{rest}]")
    distinct = [value for number, value in enumerate(values) if value not in values[:number]]
    return Axis(key=key, values=tuple(distinct))


def parse_axes(texts: Sequence[str]) -> tuple[Axis, ...]:
    """All axes of a sweep; each setting once."""
    axes = tuple(parse_axis(text) for text in texts)
    if not axes:
        raise InputError("sweep", "nothing varies; give --vary fit.learning_rate=1e-3,5e-4")
    for number, axis in enumerate(axes):
        if any(axis.key == other.key for other in axes[:number]):
            raise InputError(axis.key, "is varied twice; give all its values at once")
    return axes


def grid(axes: Sequence[Axis]) -> Iterator[Settings]:
    """Every combination, the last axis fastest; InputError for a range, which has no end of values.

    >>> [list(one.values()) for one in grid([parse_axis("a=1,2"), parse_axis("b=x,y")])]
    [[1, 'x'], [1, 'y'], [2, 'x'], [2, 'y']]
    """
    for axis in axes:
        if axis.is_range:
            raise InputError(axis.key, "a range cannot be tried value by value; list values, or take --bayes")
    for values in itertools.product(*(axis.values for axis in axes)):
        yield {axis.key: value for axis, value in zip(axes, values, strict=True)}


def override(key: str, value: Any) -> str:
    """A setting as `train --set` takes it.

    >>> override("fit.learning_rate", 1e-3), override("freeze", ["block1"])
    ('fit.learning_rate=0.001', 'freeze=["block1"]')
    """
    import json

    return f"{key}={json.dumps(value)}"


def _range(text: str, key: str, low_text: str, high_text: str, log: bool) -> Axis:
    low, high = (_yaml(text, f"[{part}]")[0] for part in (low_text, high_text))
    for end in (low, high):
        if isinstance(end, bool) or not isinstance(end, (int, float)) or not math.isfinite(end):
            raise InputError(text[:80], f"a range goes from a number to a number, not {str(end)[:20]!r}")
    if not low < high or (log and low <= 0):
        raise InputError(text[:80], "a range must rise" + (", and from above 0 if it is :log" if log else ""))
    whole = isinstance(low, int) and isinstance(high, int)
    return Axis(key=key, low=float(low), high=float(high), log=log, whole=whole)


def _yaml(text: str, listed: str) -> list[Any]:
    """The values of a YAML list, with 1e-3 read as a number, as recipes do."""
    from tonewheel.learn.recipe_yaml import parse_yaml

    values, _, problems = parse_yaml(f"values: {listed}", text[:80])
    found = values.get("values")
    if problems or not isinstance(found, list) or not found or any(value is None for value in found):
        raise InputError(text[:80], "the values are not YAML")
    return found
