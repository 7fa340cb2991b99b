"""`drums manifest annotate`, `openness` and `boundary` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tonewheel.core.errors import InputError
from tonewheel.systems.drums.verbs.manifest import app

EVENTS = [
    {"sample_id": "a", "session_id": "s", "onset_time": 0.0, "meter": "4/4", "vendor": "v", "model": "m",
     "components": [{"label": "hihat_open", "openness_raw": 127}]},
    {"sample_id": "b", "session_id": "s", "onset_time": 0.1, "meter": "3/4", "vendor": "v", "model": "m",
     "components": [{"label": "hihat_closed", "openness_raw": 0}]},
]  # fmt: skip


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in EVENTS))
    return path


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, InputError):
        raise result.exception
    return result


def test_annotate_in_place(events: Path) -> None:
    told = json.loads(run("annotate", "--input", events, "--in-place", "--json").stdout)
    assert told["added"]["hihat_bark"] == told["added"]["variable_meter"] == 1
    assert [json.loads(line)["techniques"] for line in events.read_text().splitlines()] == [
        ["hihat_bark"], ["variable_meter"],
    ]  # fmt: skip


def test_a_dry_run_of_openness_counts_and_writes_nothing(events: Path, tmp_path: Path) -> None:
    before = events.read_bytes()
    asked = ["openness", "--events", events, "--default-curve", "generic_high_is_open", "--dry-run", "--json"]
    assert json.loads(run(*asked).stdout)["changed"] == 2
    assert json.loads(run("openness", "--events", events, "--dry-run", "--json").stdout)["no_curve"] == {
        "v m": 2
    }
    assert [one.name for one in tmp_path.iterdir()] == ["events.jsonl"]
    assert events.read_bytes() == before


def test_boundary_takes_the_options_of_old(events: Path, tmp_path: Path) -> None:
    sizes = ["--window-ms", "2048", "--hop-ms", "512", "--margin-ms", "40"]
    assert run("boundary", "--events", events, "--output", tmp_path / "labels.jsonl", *sizes).exit_code == 0
    (line,) = (tmp_path / "labels.jsonl").read_text().splitlines()
    assert (json.loads(line)["sample_id"], json.loads(line)["edge"]) == ("a", "leading")
    nothing = run("boundary", "--events", events, "--dry-run", "--edge", "trailing")
    assert nothing.exit_code == 1


def test_where_to_write_is_never_guessed(events: Path, tmp_path: Path) -> None:
    for verb in ("annotate", "openness", "boundary"):
        with pytest.raises(InputError, match="--output: is needed"):
            run(verb, "--events", events)
        with pytest.raises(InputError, match="is the manifest itself"):
            run(verb, "--events", events, "--output", events, "--force")
    (tmp_path / "there.jsonl").write_text("mine")
    with pytest.raises(InputError, match="--force"):
        run("annotate", "--events", events, "--output", tmp_path / "there.jsonl")
