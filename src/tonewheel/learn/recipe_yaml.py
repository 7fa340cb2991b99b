"""Recipes as YAML text: numbers as people write them, the line of every key, overrides, comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from tonewheel.core.errors import InputError

Place = tuple[str | int, ...]
"""Where a value stands: ("fit", "max_steps")."""


class _Loader(yaml.SafeLoader):
    """A SafeLoader with the numbers and booleans of YAML 1.2: 1e-3 is a number, `no` and `off` are words."""


_OURS = [f"tag:yaml.org,2002:{kind}" for kind in ("float", "bool", "timestamp")]
_FLOAT = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _OURS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_OURS[0], re.compile(_FLOAT), list("-+.0123456789"))
_Loader.add_implicit_resolver(_OURS[1], re.compile(r"(true|True|false|False)$"), list("tTfF"))


def parse_yaml(text: str, where: str | Path) -> tuple[dict[str, Any], dict[Place, int], list[str]]:
    """The mapping in `text`, the line of each key, and what is wrong with its keys; InputError if not YAML.

    >>> parse_yaml("fit: {seed: 1}", "x")
    ({'fit': {'seed': 1}}, {('fit',): 1, ('fit', 'seed'): 1}, [])
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
        lines: dict[Place, int] = {}
        problems: list[str] = []
        for place, line in _key_lines(node, ()):
            if place in lines:
                problems.append(f"line {line}: {dotted(place)} is given twice (first on line {lines[place]})")
            lines.setdefault(place, line)
        values = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error)
        raise InputError(where, f"not YAML: {reason}", mark.line + 1 if mark else None) from None
    if values is None:
        return {}, {}, []
    if not isinstance(values, dict):
        kind = type(values).__name__
        raise InputError(where, f"a recipe is a mapping of keys to values, this is a {kind}")
    return values, lines, problems


def apply_override(values: dict[str, Any], lines: dict[Place, int], override: str) -> list[str]:
    """Set one `key.key=value` in `values`; returns what is wrong with it.

    >>> values = {"fit": {"seed": 1}}
    >>> apply_override(values, {}, "fit.seed=2"), values
    ([], {'fit': {'seed': 2}})
    """
    key, equals, text = override.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        return [f'override "{override}" is not of the form key.key=value']
    try:
        value = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return [f'override "{override}": the value is not YAML']
    inner = values
    for name in names[:-1]:
        if not isinstance(inner.get(name), dict):
            inner[name] = {}
        inner = inner[name]
    inner[names[-1]] = value
    # What the command line set has no line in the file any more.
    for place in [place for place in lines if place[: len(names)] == tuple(names)]:
        del lines[place]
    return []


def commented_lines(recipe: BaseModel, depth: int = 0) -> Iterator[str]:
    """The lines of a YAML file with every value of `recipe`, and each field's description as a comment."""
    indent = "  " * depth
    plain = recipe.model_dump(mode="json")
    for name, field in type(recipe).model_fields.items():
        comment = f"  # {' '.join(field.description.split())}" if field.description else ""
        value = getattr(recipe, name)
        if isinstance(value, BaseModel) and type(value).model_fields:
            yield f"{indent}{name}:{comment}"
            yield from commented_lines(value, depth + 1)
        else:
            # PyYAML leaves some line breaks of Unicode (U+0085) bare, so those are escaped with all the rest.
            printable = json.dumps(plain[name], ensure_ascii=False).isprintable()
            text = yaml.safe_dump(plain[name], default_flow_style=True, width=10**6, allow_unicode=printable)
            yield f"{indent}{name}: {text.removesuffix(f'...{chr(10)}').strip()}{comment}"


def dotted(place: Place) -> str:
    """A place as people write it: fit.max_steps."""
    return ".".join(str(name) for name in place)


def _key_lines(node: yaml.Node | None, place: Place) -> Iterator[tuple[Place, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            yield inner, key.start_mark.line + 1
            yield from _key_lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*place, number), value.start_mark.line + 1
            yield from _key_lines(value, (*place, number))
