"""The health of manifests: gates, the baseline, the report, and the commands around manifests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tonewheel.core.errors import InputError
from tonewheel.gates.health_baseline import compare_health, read_health
from tonewheel.gates.manifest_health import ManifestHealthGate, read_min_counts, read_names
from tonewheel.manifest.components import SHIPPED
from tonewheel.manifest.events.weights import read_weights
from tonewheel.systems.drums.checks.health import check_health, compare_reports
from tonewheel.systems.drums.verbs.manifest import app

ROWS: list[dict[str, Any]] = [
    {"sample_id": "1", "session_id": "a", "components": [{"label": "kick"}, {"label": "crash2"}]},
    {"sample_id": "2", "session_id": "a", "components": [{"label": "gong"}], "techniques": ["hihat_bark"]},
    {"sample_id": "2", "session_id": "b", "components": [{"label": "Snare Drum"}], "is_synthetic": True},
    {"sample_id": "3", "session_id": "b", "components": [{"label": "kick"}], "loudness": {"LUFS_i": -20}},
]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return written(tmp_path / "events.jsonl", ROWS)


def written(path: Path, rows: list[dict[str, Any]], *more: str) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "".join(more))
    return path


def results(events: Path, **limits: Any) -> dict[str, bool]:
    report = check_health([events], ManifestHealthGate(**limits))
    assert report.exit_status == (not all(one.passed for one in report.verdicts))
    return {one["name"]: one["passed"] for one in report.measured["gating_results"]}


def test_each_gate_passes_at_its_limit_and_fails_beyond(events: Path) -> None:
    assert results(events) == {}
    assert results(events, max_duplication_rate=0.25) == {"duplication_rate": True}
    assert results(events, max_duplication_rate=0.24) == {"duplication_rate": False}
    assert results(events, max_unknown_labels=1) == {"max_unknown_labels": True}
    assert results(events, max_unknown_labels=0) == {"max_unknown_labels": False}
    assert results(events, min_counts={"kick": 2, "snare": 2}) == {
        "min_counts[kick]": True,
        "min_counts[snare]": False,
    }
    assert results(events, required_labels=("BD", "ride")) == {
        "require_label[BD]": True,
        "require_label[ride]": False,
    }
    assert results(events, required_techniques=("hihat_bark", "flam")) == {
        "require_technique[hihat_bark]": True,
        "require_technique[flam]": False,
    }


def test_a_uniform_floor_is_for_labels_seen_or_for_the_whole_taxonomy(events: Path) -> None:
    seen = results(events, min_class_count=1)
    assert set(seen) == {f"min_class_count[{label}]" for label in ("kick", "crash2", "gong", "snare")}
    whole = results(events, min_class_count=1, components=str(SHIPPED))
    assert len(whole) == 19
    assert not whole["min_class_count[ride]"]


def test_the_report_is_the_figures_with_their_gates_and_can_be_a_baseline(
    events: Path, tmp_path: Path
) -> None:
    metadata = tmp_path / "metadata.json"
    metadata.write_text(
        '{"split_durations_seconds": {"train": 3600}, "duration_seconds_by_source": {"groove": 1.5}}'
    )
    limits = ManifestHealthGate(max_unknown_labels=0)
    machine, page = check_health([events], limits, dataset_metadata=metadata).write(tmp_path / "health.json")
    report = read_health(machine)
    keys = (
        "summary per_class_counts dynamic_bucket_counts per_class_dynamic bleed_level_distribution unknown_labels "
        "mix_context_distribution openness_histogram duplicates loudness crash_variant_counts technique_counts "
        "split_durations_seconds duration_seconds_by_source gating_results"
    )
    assert set(keys.split()) <= set(report)
    assert report["per_class_counts"]["snare"] == {"total": 1, "real": 0, "synthetic": 1}
    assert report["crash_variant_counts"] == {"crash2": 1}
    assert report["duplicates"]["sample_ids"] == {"2": 2}
    assert report["loudness"]["LUFS_i"]["median"] == -20
    text = page.read_text()
    assert "gong (unknown)" in text
    assert "badge no" in text
    again = check_health([events], limits, baseline=machine)
    assert [one.passed for one in again.verdicts] == [False, True, True, True]


def test_a_baseline_is_held_against_drops_new_failures_and_unknown_labels(
    events: Path, tmp_path: Path
) -> None:
    blessed, _ = check_health([events], ManifestHealthGate(min_class_count=1)).write(tmp_path / "blessed")
    fewer = written(
        tmp_path / "fewer.jsonl", [*ROWS[1:3], {"sample_id": "9", "components": [{"label": "bell"}]}]
    )
    limits = ManifestHealthGate(min_counts={"kick": 1})
    report = check_health([fewer], limits, baseline=blessed, max_drop=1)
    assert {one.gate: one.passed for one in report.verdicts} == {
        "min_counts[kick]": False,
        "baseline_drop": False,
        "baseline_gates": False,
        "baseline_unknown_labels": False,
    }
    assert report.difference is not None
    assert list(report.difference.drops) == ["kick"]
    assert report.difference.newly_failing == ("min_counts[kick]",)
    assert report.difference.new_unknown_labels == ("bell",)
    candidate, _ = report.write(tmp_path / "candidate")
    ignoring = compare_reports(blessed, candidate, max_drop=1, ignore_labels=["kick", "bell"])
    assert ignoring.exit_status == 0
    assert compare_reports(blessed, candidate, max_drop=2, ignore_labels=["bell"]).difference is not None
    assert compare_health(read_health(blessed), read_health(candidate), max_drop=2).drops == {}


def test_a_baseline_that_is_none_is_refused(events: Path, tmp_path: Path) -> None:
    for text in ("{}", "[]", '{"per_class_counts": {"kick": 3}}', "nope"):
        (tmp_path / "baseline.json").write_text(text)
        with pytest.raises(InputError, match=r"baseline\.json"):
            check_health([events], baseline=tmp_path / "baseline.json")


def test_lists_of_names_and_counts(tmp_path: Path) -> None:
    names, counts = tmp_path / "names.txt", tmp_path / "counts.json"
    names.write_text("\ufeff# release\n\n kick \nkick # twice\r\nsnare")
    assert read_names(names) == ("kick", "snare")
    counts.write_text('{"kick": "many"}')
    with pytest.raises(InputError, match="label to count"):
        read_min_counts(counts)
    with pytest.raises(InputError, match="No such file"):
        read_names(tmp_path / "none.txt")


def test_commands_merge_compare_and_weigh(events: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "more.jsonl", [{"sample_id": "5", "session_id": "c"}], "nope\n")
    out, diff, weights = tmp_path / "all.jsonl", tmp_path / "diff.json", tmp_path / "weights.json"
    both = ["merge", "--input", str(events), "--input", str(other), "--output", str(out)]
    assert run(*both, "--strict").exit_code == 1
    assert not out.exists()
    assert (tmp_path / "all.quarantine.jsonl").read_text().count("\n") == 1
    done = run(*both, "--dedupe", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["events"] == len(out.read_text().splitlines()) == 4
    assert isinstance(run(*both).exception, InputError)  # it is there already
    assert run("compare", str(events), str(out), "--json-output", str(diff)).exit_code == 0
    assert json.loads(diff.read_text())["sessions"]["added"] == {"c": 1}
    done = run(
        "weights", str(events), "-o", str(weights), "--technique-boost", "hihat_bark=1.5", "--max-weight", "1",
        "--exponent", "1",
    )  # fmt: skip
    assert done.exit_code == 0
    assert read_weights(weights).of_groups() == {"a": 0.75, "b": 0.5}


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))
