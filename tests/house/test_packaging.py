"""The package says what it needs, everything that is installed is pinned, and set-up is done once."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

# Where the name that is imported is not the name that is installed.
DISTRIBUTION = {"faiss": "faiss-cpu", "google": "protobuf", "sklearn": "scikit-learn", "yaml": "pyyaml"}


def plain(name: str) -> str:
    """A distribution's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(repository: Path) -> dict[str, str]:
    lines = (repository / "constraints.txt").read_text().split()
    return {plain(name): version for name, version in (line.split("==") for line in lines)}


def declared(repository: Path) -> dict[str, set[str]]:
    """Names of the distributions of each extra; "" is what every installation has."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        extra: {plain(re.split(r"[^\w.-]", requirement)[0]) for requirement in requirements}
        for extra, requirements in groups.items()
    }


def test_everything_that_is_declared_is_pinned(repository: Path) -> None:
    assert set().union(*declared(repository).values()) - set(pins(repository)) == set()


def test_everything_that_is_installed_is_the_pinned_version(repository: Path) -> None:
    pinned = pins(repository)
    if Path(sys.prefix) != repository / ".venv":
        pytest.skip(f"these tests run in {sys.prefix}, which `make setup` did not make")
    for distribution in metadata.distributions():
        name, version = plain(distribution.name), distribution.version.partition("+")[0]
        if name not in ("pip", "setuptools", "tonewheel"):
            assert version == pinned.get(name), name


# `measure` is a neighbour of the benchmarks, which are scripts and no package.
OURS = {"tonewheel", "measure", "tests"}


def third_party_imports(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in OURS:
                    yield plain(DISTRIBUTION.get(top, top)), path.relative_to(folder)


def of_script(path: Path) -> set[str]:
    """What a script that is run by itself says that it needs (inline script metadata, PEP 723)."""
    block = re.search(r"^# /// script\n((?:#.*\n)+?)# ///$", path.read_text(), re.MULTILINE)
    stated = tomllib.loads(re.sub(r"^# ?", "", block[1], flags=re.MULTILINE)) if block else {}
    return {plain(re.split(r"[^\w.-]", requirement)[0]) for requirement in stated.get("dependencies", [])}


# Imported by others on our behalf: Lightning's logger looks for TensorBoard.
NOT_IMPORTED_BY_US = {"tensorboard"}


def test_what_every_installation_gets_is_used(repository: Path) -> None:
    used = {name for name, _ in third_party_imports(repository / "src/tonewheel")}
    assert declared(repository)[""] - used - NOT_IMPORTED_BY_US == set()


def test_what_tests_import_is_declared(repository: Path) -> None:
    usable = set().union(*declared(repository).values())
    tests = repository / "tests"
    undeclared = {
        f"{name} in {path}"
        for name, path in third_party_imports(tests)
        if name not in usable | of_script(tests / path)
    }
    assert undeclared == set()


def test_what_is_imported_is_declared(repository: Path) -> None:
    groups = declared(repository)
    usable = set().union(*(names for extra, names in groups.items() if extra != "dev"))
    undeclared = {
        f"{name} in {path}"
        for name, path in third_party_imports(repository / "src/tonewheel")
        if name not in usable
    }
    assert undeclared == set()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_setup_is_repeated_only_when_the_dependencies_change(repository: Path, tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(repository / name, tmp_path / name)

    def plan() -> str:
        done = subprocess.run(
            ["make", "-n", "setup"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "pip install" in plan()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".installed").touch()
    assert "pip install" not in plan()
    later = (tmp_path / ".venv" / ".installed").stat().st_mtime + 5
    os.utime(tmp_path / "constraints.txt", (later, later))
    assert "pip install" in plan()


def test_ci_runs_what_a_person_runs(repository: Path) -> None:
    assert "make test" in (repository / ".ci" / "run").read_text()
