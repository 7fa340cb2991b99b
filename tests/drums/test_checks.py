"""`drums check` and `drums mine` on the examples that come with them: verdicts, reports, exit statuses."""

from __future__ import annotations

import json
import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
import yaml
from typer.testing import CliRunner

from tonewheel.audio.encode import write
from tonewheel.core.errors import TonewheelError
from tonewheel.gates.hits import hit_print, likeness
from tonewheel.systems.drums.checks.readiness import read_inputs
from tonewheel.systems.drums.verbs.check import app as check_app
from tonewheel.systems.drums.verbs.mine import mine

KINDS = ("boundary", "openset", "bootstrap")
FILES = [
    *(f"{kind}_{part}_example.jsonl" for kind in KINDS for part in ("labels", "predictions")),
    "events_health_example.jsonl",
    "hard_negative_events_example.jsonl",
    "hard_negative_predictions_example.jsonl",
    "openness_curves.json",
]
MOST_BYTES = 200_000


@pytest.fixture(scope="module")
def examples(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples with the audio of the session made."""
    source = repository / "examples" / "drums"
    folder = tmp_path_factory.mktemp("examples") / "drums"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("session", "reports", "__pycache__"))
    made = runpy.run_path(str(source / "make_session.py"))
    made["write_session"](folder, made["GOOD"], seconds=14.0)
    made["write_session"](folder / "bad", made["BAD"], seconds=14.0)
    return folder


def run(*arguments: str | Path) -> tuple[int, str]:
    """Exit status and all that was said, as `tonewheel drums` would have it."""
    app = typer.Typer()
    app.add_typer(check_app, name="check")
    app.command()(mine)
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(done.exception, TonewheelError):
        return done.exception.exit_status, f"{done.output}{done.exception}"
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def pair(examples: Path, kind: str) -> list[str | Path]:
    return [
        "--ground-truth", examples / f"{kind}_labels_example.jsonl",
        "--predictions", examples / f"{kind}_predictions_example.jsonl",
    ]  # fmt: skip


def test_the_inputs_are_what_their_script_makes(repository: Path, tmp_path: Path) -> None:
    source = repository / "examples" / "drums"
    runpy.run_path(str(source / "make_inputs.py"))["main"](tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (source / name).read_bytes(), name
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)


def test_the_examples_are_small(repository: Path) -> None:
    ours = [
        path
        for path in (repository / "examples" / "drums").rglob("*")
        if path.is_file() and not {"session", "reports", "__pycache__"} & set(path.parts)
    ]
    assert sum(path.stat().st_size for path in ours) < MOST_BYTES


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_of_answers_writes_both_reports(examples: Path, tmp_path: Path, kind: str) -> None:
    status, said = run("check", kind, *pair(examples, kind), "--report", tmp_path / "r.json", "--strict")
    assert status == 0, said
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["passed"] is True
    assert report["measured"]
    assert "<h2>" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    "asked",
    [
        ["boundary", "--threshold", "0.99"],
        ["openset", "--max-fpr", "0.001"],
        ["bootstrap", "--min-micro-f", "0.999"],
        ["labels", "--max-share", "0"],
    ],
    ids=lambda asked: asked[0],
)
def test_a_failed_gate_is_told_and_is_the_status_when_strict(examples: Path, asked: list[str]) -> None:
    files = pair(examples, "bootstrap" if asked[0] == "labels" else asked[0])
    status, said = run("check", *asked, *files)
    assert status == 0
    assert "FAILED" in said
    assert "--strict" in said
    assert run("check", *asked, *files, "--strict")[0] == 1


def test_lines_that_were_left_out_fail_only_when_strict(examples: Path, tmp_path: Path) -> None:
    files = pair(examples, "boundary")
    broken = tmp_path / "said.jsonl"
    broken.write_text(Path(files[3]).read_text() + "{broken\n")
    status, said = run("check", "boundary", *files[:3], broken)
    assert (status, "left out" in said) == (0, True)
    assert run("check", "boundary", *files[:3], broken, "--strict")[0] == 1
    assert run("check", "boundary", *files[:3], tmp_path / "missing.jsonl")[0] == 2


def test_alignment_of_a_good_and_a_bad_session(examples: Path, tmp_path: Path) -> None:
    name = "session_manifest_example.json"
    status, said = run("check", "alignment", "--manifest", examples / name, "--strict", "--json")
    assert status == 0, said
    bad = ["check", "alignment", "--manifest", examples / "bad" / name, "--report", tmp_path / "a.json"]
    assert run(*bad)[0] == 0
    assert run(*bad, "--strict")[0] == 1
    pairs = json.loads((tmp_path / "a.json").read_text())["measured"]["pairs"]
    found = {(one["a"], one["b"]): one for one in pairs}
    assert found["kick", "snare"]["median_samples"] == pytest.approx(20.25, abs=0.02)
    assert found["kick", "overhead_left"]["drift_samples_per_min"] == pytest.approx(2.5, abs=0.1)
    keys = {
        "median_ms",
        "mean_ms",
        "max_ms",
        "std_ms",
        "drift_samples_per_min",
        "support",
        "passed",
        "reasons",
    }
    assert keys <= set(pairs[0])
    assert "data:image/png" in (tmp_path / "a.html").read_text()


def test_health_with_every_option_of_the_example(examples: Path, tmp_path: Path) -> None:
    asked: list[str | Path] = [
        "check", "health", "--events", examples / "events_health_example.jsonl",
        "--output", tmp_path / "h.json", "--html-output", tmp_path / "page.html",
        "--max-duplication-rate", "0.01", "--min-class-count", "5", "--max-unknown-labels", "0",
        "--require-technique", "hihat_bark", "--require-label", "hihat_open",
        "--require-techniques-file", examples / "health_required_techniques_prod.txt",
        "--require-labels-file", examples / "health_require_labels_example.txt",
        "--min-counts-json", examples / "health_min_counts_example.json",
    ]  # fmt: skip
    status, said = run(*asked)
    assert status == 0, said
    assert (tmp_path / "page.html").exists()
    report = json.loads((tmp_path / "h.json").read_text())
    assert report["summary"]["events_total"] == 128
    assert all(one["passed"] for one in report["gating_results"])
    assert run(*asked, "--require-label", "china")[0] == 1  # what was asked for is held, strict or not

    fewer = tmp_path / "fewer.jsonl"
    rows = (examples / "events_health_example.jsonl").read_text().splitlines()
    fewer.write_text("\n".join(row for row in rows if '"ride"' not in row))
    beside = ["check", "health", "--events", fewer, "--baseline", tmp_path / "h.json"]
    status, said = run(*beside, "--max-drop", "3", "--json-output", tmp_path / "difference.json")
    assert status == 1
    assert list(json.loads((tmp_path / "difference.json").read_text())["drops"]) == ["ride"]
    assert run(*beside, "--max-drop", "3", "--ignore-label", "ride")[0] == 0
    compared = ["check", "health", "--baseline", tmp_path / "h.json", "--candidate", tmp_path / "h.json"]
    assert run(*compared)[0] == 0
    assert run("check", "health")[0] == 2


def test_all_checks_of_the_example_pass(examples: Path) -> None:
    reports = examples / "reports"
    status, said = run(
        "check", "all", "--inputs", examples / "checks.yaml", "--report", reports / "all", "--strict"
    )
    assert status == 0, said
    made = {path.name for path in reports.iterdir()}
    for name in ("all", "health", "alignment", "boundary", "openset", "bootstrap", "labels"):
        assert {f"{name}.json", f"{name}.html"} <= made
    together = json.loads((reports / "all.json").read_text())
    assert set(together["measured"]) == {"health", "alignment", "boundary", "openset", "bootstrap", "labels"}


def test_all_goes_on_after_a_failure_unless_it_is_to_halt(examples: Path, tmp_path: Path) -> None:
    inputs: dict[str, Any] = {
        "alignment": {"manifest": str(examples / "missing.json")},
        "boundary": {
            "ground_truth": str(examples / "boundary_labels_example.jsonl"),
            "predictions": str(examples / "boundary_predictions_example.jsonl"),
        },
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(inputs))
    status, said = run("check", "all", "--inputs", tmp_path / "c.yaml", "--report", tmp_path / "a")
    assert (status, "FAILED alignment" in said, "passed boundary" in said) == (1, True, True)
    asked = ["check", "all", "--inputs", tmp_path / "c.yaml", "--report", tmp_path / "b"]
    status, said = run(*asked, "--halt-on-first-failure")
    assert (status, "boundary" in said) == (1, False)
    assert json.loads((tmp_path / "b.json").read_text())["facts"]["boundary"] == "not made"


def test_inputs_are_closed_and_name_the_nearest_key(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("boundary: {ground_truth: a, predictions: b, limits: {least_macro_recal: 0.9}}\n")
    with pytest.raises(TonewheelError, match='did you mean "least_macro_recall"'):
        read_inputs(path)
    path.write_text("")
    with pytest.raises(TonewheelError, match="names no check"):
        read_inputs(path)


def test_hard_negatives_of_the_example(examples: Path, tmp_path: Path) -> None:
    asked: list[str | Path] = [
        "mine", "--predictions", examples / "hard_negative_predictions_example.jsonl",
        "--ground-truth", examples / "hard_negative_events_example.jsonl",
        "--output", tmp_path / "negatives.jsonl", "--min-confidence", "0.7", "--max-per-label", "3",
    ]  # fmt: skip
    status, said = run(*asked)
    assert status == 0, said
    rows = [json.loads(line) for line in (tmp_path / "negatives.jsonl").read_text().splitlines()]
    assert rows
    assert all(row["negative_example"] and row["confidence"] >= 0.7 for row in rows)
    assert max(sum(row["predicted_label"] == label for row in rows) for label in ("crash", "snare")) <= 3
    assert run(*asked)[0] == 2  # nothing is replaced unasked


def test_the_workflow_runs_commands_that_are_there(repository: Path) -> None:
    folder = repository / "examples" / "drums"
    workflow = yaml.safe_load((folder / "dataset-readiness.yml").read_text())
    steps = [step["run"] for step in workflow["jobs"]["readiness"]["steps"] if "run" in step]
    asked = [step for step in steps if "tonewheel" in step]
    assert len(asked) == 2
    for step in asked:
        verb = re.search(r"drums check (\w+)", step)
        assert verb
        known = run("check", verb.group(1), "--help")[1]
        for option in re.findall(r"--[a-z][a-z-]+", step.split("drums check")[1]):
            assert option in known
    for path in re.findall(r"examples/drums/([\w.]+\.(?:py|yaml))", " ".join(steps)):
        assert (folder / path).is_file()


def stroke(seed: int) -> Any:
    """Two strokes on one drum: the same partials, another noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(8000) / 16_000
    tone = np.sin(2 * np.pi * 180 * t + 0.3 * rng.random()) * np.exp(-t / 0.08)
    return (0.3 * tone + 0.5 * rng.standard_normal(t.size) * np.exp(-t / 0.03)).astype(np.float32)


def test_copies_are_found_in_audio_and_other_strokes_are_not(tmp_path: Path) -> None:
    one, other = stroke(1), stroke(2)
    write(tmp_path / "a.wav", one, 16_000)
    write(tmp_path / "b.wav", other, 16_000)
    write(tmp_path / "late_quiet.flac", np.concatenate((np.zeros(777, np.float32), -0.2 * one)), 16_000)
    write(tmp_path / "vorbis.ogg", other, 16_000, bitrate_kbps=96)
    (tmp_path / "empty.wav").touch()
    status, said = run("check", "duplicates", tmp_path, "--report", tmp_path / "r.json")
    assert status == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert {tuple(sorted(found[:2])) for found in report["measured"]["pairs"]} == {
        ("a.wav", "late_quiet.flac"), ("b.wav", "vorbis.ogg"),
    }  # fmt: skip
    assert "empty.wav" in said
    assert run("check", "duplicates", tmp_path, "--strict")[0] == 1
    a, b = hit_print(one, 16_000), hit_print(other, 16_000)
    assert a
    assert b
    assert likeness(a, b) < 0.5
    assert hit_print(np.zeros(4000, np.float32), 16_000) is None


def test_events_are_compared_where_they_lie_in_their_audio(tmp_path: Path) -> None:
    song = np.zeros(3 * 16_000, np.float32)
    for at, seed in ((8_000, 1), (20_000, 2), (32_000, 1)):
        song[at : at + 8000] += stroke(seed)
    soundfile.write(tmp_path / "song.wav", song, 16_000, subtype="FLOAT")
    events = [
        {"sample_id": name, "audio_path": "song.wav", "onset_time": at}
        for name, at in (("a", 0.5), ("b", 1.25), ("c", 2.003), ("with c", 2.015))
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    _, said = run("check", "duplicates", tmp_path / "events.jsonl", "--report", tmp_path / "r.json")
    found = json.loads((tmp_path / "r.json").read_text())["measured"]["pairs"]
    # Two drums struck 12 ms apart are one sound, and no copies of each other.
    assert [pair[:2] for pair in found] == [["a", "c"], ["a", "with c"]], said


def test_a_manifest_without_a_hit_passes_no_gate(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("")
    status, said = run("check", "duplicates", tmp_path / "events.jsonl")
    assert status == 2, said
