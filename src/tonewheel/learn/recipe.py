"""Recipes: the typed, closed and complete settings of one run, written as YAML.

A recipe is a frozen pydantic model. Every key is checked, every problem is told at once with its line, and an unknown
key names the nearest one that exists. The recipe that a run used lies beside its checkpoint, every value spelled out.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tonewheel.core.errors import InputError, RecipeError, nearest
from tonewheel.core.files import write_text


class Recipe(BaseModel):
    """Base of all recipes; a subclass lists its fields, each with unit and meaning as the field's description.

    >>> class Hall(Recipe):
    ...     t60_s: float = Field(1.2, gt=0, description="reverberation time, s")
    >>> print(Hall(t60_s=2).to_yaml().strip())
    t60_s: 2.0  # reverberation time, s
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True, use_attribute_docstrings=True
    )

    def to_yaml(self) -> str:
        """The recipe as YAML with every value spelled out and each field's meaning as a comment."""
        return "\n".join(_commented_lines(self)) + "\n"

    def save(self, path: str | PathLike[str]) -> None:
        """Write the recipe as YAML, whole or not at all."""
        write_text(path, self.to_yaml())

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain values that JSON and YAML can hold."""
        return self.model_dump(mode="json")


R = TypeVar("R", bound=Recipe)


class FitRecipe(Recipe):
    """How a module is fitted: the part that every system's recipe has in common."""

    max_steps: int = Field(1000, ge=1, description="optimiser steps in all")
    batch_size: int = Field(32, ge=1, description="examples a batch and process")
    learning_rate: float = Field(1e-3, gt=0, description="peak of the schedule, reached after the warm-up")
    final_learning_rate: float = Field(0.0, ge=0, description="where the cosine ends")
    warm_up_steps: int = Field(100, ge=0, description="steps of linear rise from 0 to the peak")
    weight_decay: float = Field(0.01, ge=0, description="decoupled (AdamW); biases and norms are left out")
    gradient_clip: float = Field(1.0, ge=0, description="largest norm of all gradients together; 0 is no limit")
    precision: Literal["32", "bf16"] = Field("32", description="bf16 is mixed precision, for GPUs that have it")
    seed: int = Field(0, ge=0, description="of the data order and of dropout")
    loader_workers: int = Field(0, ge=0, description="processes that prepare batches; results do not depend on it")
    checkpoint_every_steps: int = Field(500, ge=1, description="steps that a kill can cost at most")
    validate_every_steps: int = Field(500, ge=1, description="steps between validations")
    log_every_steps: int = Field(20, ge=1, description="steps between two logged training values")
    score: str = Field("valid/loss", description="the validation value that decides which checkpoint is the best")
    score_mode: Literal["min", "max"] = Field("min", description="whether a low or a high score is good")
    wandb: bool = Field(False, description="log to Weights & Biases too (CSV and TensorBoard are always written)")
    accelerator: str = Field("auto", description="auto, cpu, gpu, ...: passed to Lightning")
    devices: int = Field(1, ge=1, description="devices (or CPU processes) on each machine, passed to Lightning")
    strategy: str = Field("auto", description="auto, ddp, fsdp, ...: passed to Lightning")
    num_nodes: int = Field(1, ge=1, description="machines, passed to Lightning")

    @model_validator(mode="after")
    def _warm_up_fits(self) -> Self:
        if self.warm_up_steps > self.max_steps:
            raise ValueError(f"warm_up_steps {self.warm_up_steps} is more than max_steps {self.max_steps}")
        if self.final_learning_rate > self.learning_rate:
            raise ValueError(f"final_learning_rate {self.final_learning_rate} is above {self.learning_rate}")
        return self


def load_recipe(path_or_name: str | PathLike[str], kind: type[R], overrides: Sequence[str] = ()) -> R:
    """Read a recipe from a YAML file, or by name ("smoke") from the `recipes` folder beside `kind`'s module.

    `overrides` are `key.key=value` with the value in YAML. InputError when there is no such file; RecipeError lists
    every problem at once.
    """
    where, text = _recipe_text(path_or_name, kind)
    return parse_recipe(text, kind, overrides, where=where)


def parse_recipe(text: str, kind: type[R], overrides: Sequence[str] = (), where: str | Path = "recipe") -> R:
    """Read a recipe from YAML text; RecipeError(where) lists every problem at once.

    >>> parse_recipe("max_steps: 20", FitRecipe, ["warm_up_steps=5", "learning_rate=1e-4"]).learning_rate
    0.0001
    >>> parse_recipe("learning_rte: 0.1", FitRecipe)
    Traceback (most recent call last):
    tonewheel.core.errors.RecipeError: recipe: line 1: unknown key "learning_rte" (did you mean "learning_rate"?)
    """
    values, lines, problems = _parse_yaml(text, where)
    for override in overrides:
        problems += _override(values, lines, override)
    recipe = None
    try:
        recipe = kind.model_validate(values)
    except ValidationError as error:
        problems += [_explain(problem, kind, lines) for problem in error.errors(include_url=False)]
    if problems or recipe is None:
        raise RecipeError(where, problems)
    return recipe


def packaged_recipes(kind: type[Recipe]) -> dict[str, str]:
    """Name -> YAML text of the recipes in the folder `recipes` beside the module that defines `kind`."""
    package = kind.__module__.rpartition(".")[0]
    if not package:
        return {}
    folder = resources.files(package) / "recipes"
    if not folder.is_dir():
        return {}
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name)
    return {entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8") for entry in files}


def _recipe_text(path_or_name: str | PathLike[str], kind: type[Recipe]) -> tuple[str, str]:
    path = Path(path_or_name)
    if not path.exists():
        packaged = packaged_recipes(kind)
        if str(path_or_name) in packaged:
            return f"{path_or_name}.yaml", packaged[str(path_or_name)]
        names = f"; recipes by name: {', '.join(packaged)}" if packaged else ""
        raise InputError(str(path), f"no such recipe{nearest(str(path_or_name), packaged)}{names}")
    try:
        return str(path), path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InputError(str(path), reason or "cannot be read") from None


class _Loader(yaml.SafeLoader):
    """YAML 1.2's numbers and booleans: 1e-3 is a number, and `no` and `off` are words."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _OWN_TAGS]
        for _OWN_TAGS in [("tag:yaml.org,2002:float", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))

Place = tuple[str | int, ...]


def _parse_yaml(text: str, where: str | Path) -> tuple[dict[str, Any], dict[Place, int], list[str]]:
    """The mapping in `text`, the line of each key, and keys that are given twice."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        values = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise InputError(str(where), f"not YAML: {getattr(error, 'problem', None) or error}", line) from None
    if values is None:
        return {}, {}, []
    if not isinstance(values, dict):
        raise InputError(str(where), f"a recipe is a mapping of keys to values, this is a {type(values).__name__}")
    lines: dict[Place, int] = {}
    problems: list[str] = []
    for place, line in _key_lines(node, ()):
        if place in lines:
            problems.append(f"line {line}: {_dotted(place)} is given twice (first on line {lines[place]})")
        lines[place] = line
    return values, lines, problems


def _key_lines(node: yaml.Node | None, place: Place) -> Iterator[tuple[Place, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            yield inner, key.start_mark.line + 1
            yield from _key_lines(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            inner = (*place, number)
            yield inner, value.start_mark.line + 1
            yield from _key_lines(value, inner)


def _override(values: dict[str, Any], lines: dict[Place, int], override: str) -> list[str]:
    """Set one `key.key=value` in `values`; returns what is wrong with it."""
    key, equals, text = override.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        return [f'override "{override}" is not of the form key.key=value']
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
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


def _explain(problem: Mapping[str, Any], kind: type[Recipe], lines: Mapping[Place, int]) -> str:
    """pydantic's complaint in our words."""
    place: Place = problem["loc"]
    at = f"line {lines[place]}: " if place in lines else ""
    if problem["type"] == "extra_forbidden":
        name = str(place[-1])
        inside = f" in {_dotted(place[:-1])}" if place[:-1] else ""
        return f'{at}unknown key "{name}"{inside}{nearest(name, _keys_at(kind, place[:-1]))}'
    if problem["type"] == "missing":
        return f"{_dotted(place)}: missing"
    told = str(problem["msg"]).removeprefix("Value error, ")
    told = f"{told[:1].lower()}{told[1:]}"
    got = problem.get("input")
    got = f", got {got!r}" if isinstance(got, str | int | float | list) and place else ""
    return f"{at}{_dotted(place)}: {told}{textwrap.shorten(got, 80)}" if place else f"{at}{told}"


def _keys_at(kind: type[Recipe], place: Place) -> set[str]:
    kinds: list[type[BaseModel]] = [kind]
    for name in place:
        inner = [one for known in kinds if name in known.model_fields for one in _models(known.model_fields[str(name)].annotation)]
        kinds = inner or kinds
    return {name for one in kinds for name in one.model_fields}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]


def _dotted(place: Place) -> str:
    return ".".join(str(name) for name in place)


def _commented_lines(recipe: Recipe, depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    plain = recipe.to_dict()
    for name, field in type(recipe).model_fields.items():
        value = getattr(recipe, name)
        comment = f"  # {' '.join(field.description.split())}" if field.description else ""
        if isinstance(value, Recipe) and type(value).model_fields:
            yield f"{indent}{name}:{comment}"
            yield from _commented_lines(value, depth + 1)
        else:
            text = yaml.safe_dump(plain[name], default_flow_style=True, width=10**6, allow_unicode=True)
            yield f"{indent}{name}: {text.removesuffix('...' + chr(10)).strip()}{comment}"
