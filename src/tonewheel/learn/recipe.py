"""Recipes: the typed, closed and complete settings of one run, written as YAML.

A recipe is a frozen pydantic model. Every key is checked, all problems are told at once with their lines, and
an unknown key names the nearest one that exists. The recipe that a run used lies beside its checkpoint, every
value spelled out.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tonewheel.core.errors import InputError, RecipeError, nearest
from tonewheel.core.files import read_text, write_text
from tonewheel.learn.recipe_yaml import Place, apply_override, commented_lines, dotted, parse_yaml


class Recipe(BaseModel):
    """Base of all recipes; a subclass lists its fields, each with unit and meaning as its description.

    >>> class Hall(Recipe):
    ...     t60_s: float = Field(1.2, gt=0, description="reverberation time, s")
    >>> print(Hall(t60_s=2).to_yaml().strip())
    t60_s: 2.0  # reverberation time, s
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def to_yaml(self) -> str:
        """The recipe as YAML with every value spelled out and each field's meaning as a comment."""
        return "\n".join(commented_lines(self)) + "\n"

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
    warm_up_steps: int = Field(100, ge=0, description="steps of linear rise to the peak")
    weight_decay: float = Field(0.01, ge=0, description="decoupled (AdamW); biases and norms are left out")
    gradient_clip: float = Field(1.0, ge=0, description="largest norm of all gradients together; 0: no limit")
    precision: Literal["32", "bf16"] = Field("32", description="bf16: mixed precision, for GPUs that have it")
    seed: int = Field(0, ge=0, description="of the data order and of dropout")
    loader_workers: int = Field(0, ge=0, description="processes that prepare batches; results do not change")
    checkpoint_every_steps: int = Field(500, ge=1, description="steps that a kill can cost at most")
    validate_every_steps: int = Field(500, ge=1, description="steps between validations")
    log_every_steps: int = Field(20, ge=1, description="steps between two logged training values")
    score: str = Field("valid/loss", description="the validation value that decides which step is the best")
    score_mode: Literal["min", "max"] = Field("min", description="whether a low or a high score is good")
    patience: int = Field(
        0, ge=0, description="validations without a better score after which the run ends; 0: never"
    )
    wandb: bool = Field(False, description="log to Weights & Biases too; CSV and TensorBoard always are")
    accelerator: str = Field("auto", description="auto, cpu, gpu, ...: passed to Lightning")
    devices: int = Field(1, ge=1, description="devices (or CPU processes) a machine, passed to Lightning")
    strategy: str = Field("auto", description="auto, ddp, fsdp, ...: passed to Lightning")
    num_nodes: int = Field(1, ge=1, description="machines, passed to Lightning")

    @model_validator(mode="after")
    def _is_a_schedule(self) -> Self:
        if self.warm_up_steps > self.max_steps:
            raise ValueError(f"warm_up_steps {self.warm_up_steps} is more than max_steps {self.max_steps}")
        if self.final_learning_rate > self.learning_rate:
            raise ValueError(
                f"final_learning_rate {self.final_learning_rate} is above learning_rate {self.learning_rate}"
            )
        return self


def load_recipe(path_or_name: str | PathLike[str], kind: type[R], overrides: Sequence[str] = ()) -> R:
    """Read a recipe from a YAML file, or by name ("smoke") from the `recipes` folder beside `kind`'s module.

    `overrides` are `key.key=value` with the value in YAML. InputError when there is no such file; RecipeError
    lists every problem at once.
    """
    path = Path(path_or_name)
    if path.is_file():
        return parse_recipe(read_text(path), kind, overrides, where=path)
    packaged = packaged_recipes(kind)
    if (name := str(path_or_name)) in packaged:
        return parse_recipe(packaged[name], kind, overrides, where=f"{name}.yaml")
    names = f"; recipes by name: {', '.join(packaged)}" if packaged else ""
    raise InputError(path, f"no such recipe{nearest(name, packaged)}{names}")


def parse_recipe(text: str, kind: type[R], overrides: Sequence[str] = (), where: str | Path = "recipe") -> R:
    """Read a recipe from YAML text; RecipeError(where) lists every problem at once.

    >>> parse_recipe("max_steps: 200", FitRecipe, ["warm_up_steps=5", "learning_rate=1e-4"]).learning_rate
    0.0001
    >>> parse_recipe("learning_rte: 0.1", FitRecipe)
    Traceback (most recent call last):
    tonewheel.core.errors.RecipeError: recipe: line 1: unknown key "learning_rte" (did you mean
    "learning_rate"?)
    """
    values, lines, problems = parse_yaml(text, where)
    for override in overrides:
        problems += apply_override(values, lines, override)
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
    folder = resources.files(package) / "recipes" if package else None
    if folder is None or not folder.is_dir():
        return {}
    files = {entry.name: entry for entry in folder.iterdir() if entry.name.endswith(".yaml")}
    return {name.removesuffix(".yaml"): files[name].read_text(encoding="utf-8") for name in sorted(files)}


def _explain(problem: Mapping[str, Any], kind: type[Recipe], lines: Mapping[Place, int]) -> str:
    """pydantic's complaint in our words."""
    place: Place = problem["loc"]
    at = f"line {lines[place]}: " if place in lines else ""
    if problem["type"] == "extra_forbidden":
        name = str(place[-1])
        inside = f" in {dotted(place[:-1])}" if place[:-1] else ""
        return f'{at}unknown key "{name}"{inside}{nearest(name, _keys_at(kind, place[:-1]))}'
    if problem["type"] == "missing":
        return f"{dotted(place)}: missing"
    told = str(problem["msg"]).removeprefix("Value error, ")
    told = f"{told[:1].lower()}{told[1:]}"
    if isinstance(problem["input"], Mapping):
        return f"{at}{dotted(place)}: {told}" if place else told
    got = textwrap.shorten(repr(problem["input"]), 60, placeholder="...")
    return f"{at}{dotted(place)}: {told}, got {got}"


def _keys_at(kind: type[Recipe], place: Place) -> set[str]:
    """The keys that a recipe of this kind may have at a place."""
    models: list[type[BaseModel]] = [kind]
    for name in place:
        fields = [model.model_fields[str(name)] for model in models if name in model.model_fields]
        # List positions and the names of a union's members are no fields: stay where we are.
        models = [inner for field in fields for inner in _models(field.annotation)] or models
    return {name for model in models for name in model.model_fields}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]
