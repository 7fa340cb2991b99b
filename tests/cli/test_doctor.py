"""doctor says what is there and what is missing, to people and to programs."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewheel.cli import doctor
from tonewheel.cli.doctor import NEEDED_FOR, Report, examine
from tonewheel.cli.main import main
from tonewheel.core.errors import InputError


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(str(left.value.code))


def test_json_is_one_closed_record(capfd: pytest.CaptureFixture[str]) -> None:
    status = run("doctor", "--json")
    (line,) = capfd.readouterr().out.splitlines()
    report = Report.from_json(line)
    assert status == (0 if report.ready else 1)
    assert report.ready == (not report.problems)
    assert report.machine.cores >= 1


def test_every_dependency_of_pyproject_is_looked_at(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    wanted = {name.split(">")[0] for name in project["dependencies"]}
    found = {package.name for package in examine().packages if package.extra is None}
    assert found == wanted
    declared = wanted | {name for extra in project["optional-dependencies"].values() for name in extra}
    assert set(NEEDED_FOR) <= declared


def test_a_missing_package_is_told_with_what_needs_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    installed = doctor.version_of
    monkeypatch.setattr(
        doctor, "version_of", lambda name: None if name in ("av", "wandb") else installed(name)
    )
    assert run("doctor") == 1
    out = capfd.readouterr().out
    assert "PROBLEM: av is missing: reading mp4, m4a, mov, mkv" in " ".join(out.split())
    assert "PROBLEM: wandb" not in out


def test_formats_that_are_told_can_be_read(tmp_path: Path) -> None:
    reads = examine().reads
    assert {"wav", "flac", "ogg", "opus", "mp3"} <= set(reads["soundfile"])
    assert {"mov", "matroska"} <= set(reads["av"])
    soundfile.write(tmp_path / "a.flac", np.zeros(100), 8000)


def test_the_table_for_people_fits_the_record(capfd: pytest.CaptureFixture[str]) -> None:
    run("doctor")
    out = capfd.readouterr().out
    for package in examine().packages:
        assert package.name in out


def test_report_is_closed() -> None:
    with pytest.raises(InputError, match="unknown key"):
        Report.from_dict({"tonewhel": "1"})
