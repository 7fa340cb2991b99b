"""What every system promises: it is found, it helps, and its recipes and weights are whole."""

from __future__ import annotations

import ast
import importlib
import json
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from tonewheel import systems
from tonewheel.cli.main import main
from tonewheel.core.errors import RecipeError
from tonewheel.core.files import sha256

NAMES = list(systems.discover())
FOLDER = Path(systems.__path__[0])
WEIGHTS = sorted(FOLDER.glob("*/weights/*.safetensors"))
LARGEST_WEIGHTS_BYTES = 5_000_000


def verbs(name: str) -> dict[str, object]:
    return dict(get_command(systems.commands(name).app).commands)


def test_every_folder_is_a_system() -> None:
    # A folder without `__init__.py` or `commands.py` would be passed over without a word.
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_package_file_is_a_sentence_and_nothing_else(name: str) -> None:
    body = ast.parse((FOLDER / name / "__init__.py").read_text()).body
    assert len(body) == 1
    assert systems.discover()[name].endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_it_has_an_app_with_train_and_evaluate(name: str) -> None:
    assert isinstance(systems.commands(name).app, typer.Typer)
    assert {"train", "evaluate"} <= set(verbs(name))


@pytest.mark.parametrize(("name", "verb"), [(name, verb) for name in NAMES for verb in verbs(name)])
def test_every_verb_says_what_it_does(name: str, verb: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, verb, "--help"])
    assert left.value.code == 0
    assert f"tonewheel {name} {verb}" in capfd.readouterr().out
    command = verbs(name)[verb]
    assert command.help, "the verb's function needs a docstring"
    # `help` of an argument is shown in its own section since click 8.2; one without is a riddle.
    silent = [p.name for p in command.params if not getattr(p, "help", None) and p.name != "help"]
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_verb_is_answered_with_the_nearest(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "trian"])
    assert left.value.code == 2
    assert "Did you mean 'train'" in capfd.readouterr().err


@pytest.mark.parametrize("name", NAMES)
def test_it_reads_in_the_usual_order(name: str) -> None:
    files = {path.stem for path in (FOLDER / name).glob("*.py")}
    assert {"recipe", "data", "model", "train", "evaluate"} <= files


@pytest.mark.parametrize("name", NAMES)
def test_it_brings_a_smoke_and_a_base_recipe(name: str) -> None:
    assert {"smoke", "base"} <= {path.stem for path in systems.recipes(name)}


@pytest.mark.parametrize(
    "path",
    [path for name in NAMES for path in systems.recipes(name)],
    ids=lambda p: f"{p.parts[-3]}/{p.stem}",
)
def test_a_recipe_parses_and_is_closed(path: Path) -> None:
    from tonewheel.learn.recipe import load_recipe, parse_recipe

    name = path.parts[-3]
    kind = getattr(importlib.import_module(f"tonewheel.systems.{name}.recipe"), f"{name.title()}Recipe")
    recipe = load_recipe(path, kind)
    assert parse_recipe(recipe.to_yaml(), kind) == recipe
    with pytest.raises(RecipeError, match='unknown key "nonsense"'):
        load_recipe(path, kind, ["nonsense=1"])


@pytest.mark.parametrize("path", WEIGHTS, ids=lambda p: f"{p.parts[-3]}/{p.stem}")
def test_weights_that_ship_have_a_card(path: Path) -> None:
    assert path.stat().st_size <= LARGEST_WEIGHTS_BYTES
    cards = [card.read_text() for card in path.parent.glob("*.md")]
    assert any(sha256(path) in card for card in cards), f"no card beside {path.name} names its sha256"
    header = path.read_bytes()
    size = int.from_bytes(header[:8], "little")
    assert isinstance(json.loads(header[8 : 8 + size]), dict)
