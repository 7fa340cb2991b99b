"""Manifests of drum events: every pass equals the plain loop, on clean files and on broken ones."""

from __future__ import annotations

import gzip
import importlib.util
import json
import math
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.manifest.components import canonical, is_known
from tonewheel.manifest.event_lines import Quarantine, read_events
from tonewheel.manifest.events import scan as scanning
from tonewheel.manifest.events.compare import compare
from tonewheel.manifest.events.health import measure_health
from tonewheel.manifest.events.lines import good_blocks
from tonewheel.manifest.events.merge import Merged, merge, provenance_path
from tonewheel.manifest.events.scan import BrokenLinesError, Scan, setting_apart
from tonewheel.manifest.events.weights import SamplingWeights, WeightOptions, derive_weights, read_weights


def _plain() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "plain_manifests.py"
    spec = importlib.util.spec_from_file_location("plain_manifests", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PLAIN = _plain()
LABELS = ("kick", "snare", "BD", "Side Stick", "crash2", "gong", "hihat_open", "crash")
NAMES = {label: canonical(label) for label in LABELS if is_known(label)}

words = st.sampled_from(["", "a", "b", "é", "NULL", "x y", "\x00", "'", '"', "\\", "\r"])
unit = st.floats(0, 1) | st.integers(0, 1)
component = st.fixed_dictionaries(
    {"label": st.sampled_from(LABELS)},
    optional={
        "velocity": unit | st.none(),
        "dynamic_bucket": st.sampled_from(["ghost", "accent", "", None]),
        "openness": unit | st.sampled_from([None, 0.1, 0.2, 0.3, 0.7, 1.0]),
        "openness_raw": st.sampled_from([0, 127, 64.0, None]),
        "choke": st.booleans() | st.none(),
    },
)
event = st.fixed_dictionaries(
    {"sample_id": st.sampled_from([f"id{n}" for n in range(6)] + ["\x00", "é"])},
    optional={
        "session_id": words | st.none(),
        "drummer_id": words,
        "audio_path": words,
        "is_synthetic": st.booleans() | st.none(),
        "negative_example": st.booleans(),
        "onset_time": st.floats(0, 1e6) | st.integers(0, 3) | st.none(),
        "components": st.lists(component, max_size=3) | st.none(),
        "techniques": st.lists(st.sampled_from(["bark", "ghost", ""]), max_size=3) | st.none(),
        "bleed_level": st.sampled_from(["low", "high", "", None]),
        "mix_context": st.sampled_from(["full_mix", None]),
        "loudness": st.none()
        | st.fixed_dictionaries(
            {}, optional={"LUFS_i": st.floats(-70, 0) | st.none(), "peak_dbfs": st.just(-1)}
        ),
        "SAMPLE_ID": st.integers(),
        "*row*": st.integers(),
        "notes": st.recursive(st.none() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2)),
    },
)
good = event.map(lambda row: json.dumps(row).encode()) | event.map(
    lambda row: json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")
)
BROKEN = [
    b"", b"   ", b"nope", b"[1]", b"null", b"{}", b"\x00\x00", b'{"sample_id": 3}', b'{"sample_id": ""}',
    b'{"sample_id": "a", "onset_time": -1}', b'{"sample_id": "a", "onset_time": NaN}',
    b'{"sample_id": "a", "onset_time": "1"}', b'{"sample_id": "a", "onset_time": 1e999}',
    b'{"sample_id": "a", "components": {}}', b'{"sample_id": "a", "components": [{"velocity": 0.5}]}',
    b'{"sample_id": "a", "components": [{"label": "kick", "velocity": 90}]}',
    b'{"sample_id": "a", "components": [{"label": "kick", "openness_raw": 64.5}]}',
    b'{"sample_id": "a", "components": [{"label": "kick", "openness_raw": 128}]}',
    b'{"sample_id": "a", "techniques": [1]}', b'{"sample_id": "a", "is_synthetic": 1}',
    b'{"sample_id": "a", "loudness": {"LUFS_i": "loud"}}', b'{"sample_id": "caf\xff"}',
    b'{"sample_id": "a", "notes": "\xff"}', b'{"sample_id": "a"} {"sample_id": "b"}',
    b'{"sample_id": "a", "onset_ti', b'{"sample_id": "a",}', b'{"sample_id": "a"}}', b"{",
    b'{"sample_id": "a", "session_id": ["s"]}', b'{"sample_id": "a", "tempo_bpm": 0}',
]  # fmt: skip
ODD = [
    b'  {"sample_id": "id1"}\t\r', b'{"sample_id": "id0", "sample_id": "id1"}',
    b'{"sample_id": "id2", "components": [{"label": "kick", "label": "snare"}]}',
    b'{"sample_id": "id2", "is_synthetic": false, "is_synthetic": true, "session_id": "a"}',
    b'{"sample_id": "id3", "tempo_bpm": 123456789012345678901234567890, "x": 1e999}',
]  # fmt: skip
lines = st.lists(good | st.sampled_from(BROKEN) | st.sampled_from(ODD), max_size=12)
files = st.builds(lambda rows, end: b"\n".join(rows) + end, lines, st.sampled_from([b"", b"\n", b"\r\n"]))
# A file with lines and no event at all is refused, so these have one, or no line.
manifests = st.just(b"") | files.map(lambda content: b'{"sample_id": "id0"}\n' + content)
many = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@many
@given(content=files, block=st.sampled_from([1, 7, 64, 1 << 20]))
def test_good_lines_pass_byte_for_byte_and_the_others_are_set_apart(
    folder: Path, content: bytes, block: int
) -> None:
    path = folder / "events.jsonl"
    path.write_bytes(content)
    with Quarantine(folder / "bad.jsonl") as apart:
        passed = b"".join(good_blocks(path, apart, block)).split(b"\n")[:-1]
    expected = [line.removesuffix(b"\n") for line, _ in PLAIN.read(path)]
    assert passed == expected
    rows = content.split(b"\n")
    filled = [number for number, row in enumerate(rows, 1) if row.strip()]
    assert apart.count == len(filled) - len(expected)
    if apart.count:
        entries = [json.loads(line) for line in (folder / "bad.jsonl").read_text().splitlines()]
        assert all(entry["reason"] and entry["line"] in filled for entry in entries)
        texts = [
            rows[entry["line"] - 1].decode("utf-8", "backslashreplace").rstrip("\r") for entry in entries
        ]
        assert [entry["text"] for entry in entries] == texts
    (folder / "bad.jsonl").unlink(missing_ok=True)


@many
@given(contents=st.lists(manifests, min_size=1, max_size=3), dedupe=st.booleans())
def test_merge_equals_the_plain_loop(folder: Path, contents: list[bytes], dedupe: bool) -> None:
    paths = _written(folder, contents)
    merged = merge(paths, folder / "all.jsonl", dedupe=dedupe)
    events, duplicates = PLAIN.merge(paths, folder / "plain.jsonl", dedupe)
    assert (folder / "all.jsonl").read_bytes() == (folder / "plain.jsonl").read_bytes()
    assert (merged.events, merged.duplicates) == (events, duplicates)
    assert Merged.read(provenance_path(folder / "all.jsonl")) == merged


@many
@given(contents=st.lists(manifests, min_size=2, max_size=2))
def test_compare_equals_the_plain_loop(folder: Path, contents: list[bytes]) -> None:
    old, new = _written(folder, contents)
    found = compare(old, new)
    for counts, path in ((found.baseline, old), (found.candidate, new)):
        events, *others = PLAIN.count(path)
        assert counts.total_events == events
        assert [counts.session_counts, counts.component_counts, counts.technique_counts] == others
    before, after = Counter(found.baseline.session_counts), Counter(found.candidate.session_counts)
    assert set(found.sessions.added) == set(after) - set(before)
    assert set(found.sessions.removed) == set(before) - set(after)
    assert {name: one.delta for name, one in found.sessions.changed.items()} == {
        name: after[name] - before[name] for name in after if name in before and after[name] != before[name]
    }
    assert found.equal == (found.baseline == found.candidate)


options = st.fixed_dictionaries(
    {},
    optional={
        "group_by": st.sampled_from(["session_id", "audio_path"]),
        "exponent": st.sampled_from([0.0, 0.5, 1.0]),
        "smoothing": st.sampled_from([0.0, 2.5]),
        "boosts": st.sampled_from([{}, {"bark": 3.0, "ghost": 0.5}]),
        "min_count": st.integers(0, 3),
        "dedupe": st.sampled_from(
            [(), ("sample_id",), ("session_id", "onset_time"), ("is_synthetic",), ("meter",)]
        ),
        "max_per_group": st.none() | st.integers(1, 3),
        "techniques": st.sampled_from([(), ("bark",), ("bark", "ghost")]),
        "match_all": st.booleans(),
        "min_weight": st.sampled_from([None, 0.6]),
        "max_weight": st.sampled_from([None, 0.7]),
    },
)


@many
@given(contents=st.lists(manifests, min_size=1, max_size=2), chosen=options)
def test_weights_equal_the_plain_loop(folder: Path, contents: list[bytes], chosen: dict[str, Any]) -> None:
    paths = _written(folder, contents)
    made = derive_weights(paths, WeightOptions(**chosen))
    expected = PLAIN.weights(paths, **chosen)
    assert {
        group: msg.to_dict() | {"technique_counts": msg.technique_counts}
        for group, msg in made.weights.items()
    } == expected
    (folder / "weights.json").write_text(made.to_json())
    assert read_weights(folder / "weights.json") == SamplingWeights.from_json(made.to_json())


@many
@given(contents=st.lists(manifests, min_size=1, max_size=2))
def test_health_equals_the_plain_loop(folder: Path, contents: list[bytes]) -> None:
    paths = _written(folder, contents)
    health = measure_health(paths).to_dict()
    expected = PLAIN.health(paths, NAMES)
    quarantined = health["summary"].pop("events_quarantined")
    filled = sum(bool(row.strip()) for content in contents for row in content.split(b"\n"))
    assert quarantined == filled - expected["summary"]["events_total"]
    assert [one["count"] for one in health["openness_histogram"]] == expected.pop("openness_histogram")
    for name, spread in expected.pop("loudness").items():
        assert health["loudness"][name] == (spread and pytest.approx(spread, abs=1e-4))
    assert health["duplicates"].pop("sample_ids_total") == len(expected["duplicates"]["sample_ids"])
    assert health["duplicates"].pop("audio_paths_total") == len(expected["duplicates"]["audio_paths"])
    assert {key: health[key] for key in expected} == expected


@pytest.mark.parametrize(
    "run", [lambda path, out: merge([path], out), lambda path, _: derive_weights([path])]
)
def test_a_file_that_is_no_manifest_is_refused(folder: Path, run: Any) -> None:
    (path,) = _written(folder, [b"RIFF\nno event\n"])
    with pytest.raises(InputError, match="holds no event; 2 lines"):
        run(path, folder / "all.jsonl")
    with pytest.raises(InputError, match=r"holds no event .as line 1: not JSON"):
        list(read_events(path, Quarantine(None)))
    assert not (folder / "all.jsonl").exists()


def test_a_run_that_allows_no_broken_line_leaves_its_quarantine_and_no_output(folder: Path) -> None:
    (path,) = _written(folder, [b'{"sample_id": "a"}\nnope\n'])
    with (
        pytest.raises(BrokenLinesError, match="1 lines") as raised,
        setting_apart(folder / "bad.jsonl") as apart,
    ):
        merge([path], folder / "all.jsonl", quarantine=apart, strict=True)
    assert raised.value.exit_status == 1
    assert json.loads((folder / "bad.jsonl").read_text())["line"] == 2
    assert sorted(one.name for one in folder.iterdir()) == ["0.jsonl", "bad.jsonl"]


def test_a_huge_line_is_set_apart_with_its_number(folder: Path) -> None:
    (path,) = _written(
        folder, [b'{"sample_id": "a"}\n{"x": "' + b"y" * (17 << 20) + b'"}\n{"sample_id": "b"}\n7']
    )
    with Quarantine(folder / "bad.jsonl") as apart:
        assert b"".join(good_blocks(path, apart)) == b'{"sample_id": "a"}\n{"sample_id": "b"}\n'
    entries = [json.loads(line) for line in (folder / "bad.jsonl").read_text().splitlines()]
    assert [entry["line"] for entry in entries] == [2, 4]
    assert len(entries[0]["text"]) == 1000


def test_gzip_and_parquet_hold_the_same_events(folder: Path) -> None:
    rows = [
        {"sample_id": f"{n}", "onset_time": n / 4, "components": [{"label": "kick"}]} for n in range(5000)
    ]
    (path,) = _written(folder, ["".join(json.dumps(row) + "\n" for row in rows).encode()])
    packed, columns = folder / "events.jsonl.gz", folder / "events.parquet"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    duckdb.execute(f"COPY (SELECT * FROM read_ndjson('{path}')) TO '{columns}' (FORMAT parquet)")
    expected = measure_health([path])
    assert measure_health([packed]) == expected
    assert measure_health([columns]) == expected
    cut = folder / "cut.jsonl.gz"
    cut.write_bytes(packed.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"cut\.jsonl\.gz: cannot be read to its end"):
        measure_health([cut])
    (folder / "text.parquet").write_text("no")
    with pytest.raises(InputError, match="is no Parquet"):
        measure_health([folder / "text.parquet"])


def test_a_file_that_is_not_there_is_named_before_any_work(folder: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: no such file"):
        merge([folder / "none.jsonl"], folder / "all.jsonl")
    assert not list(folder.iterdir())


@pytest.mark.parametrize("twice", [False, True])
def test_the_order_of_events_is_that_of_the_file_whatever_runs_in_parallel(
    folder: Path, monkeypatch: pytest.MonkeyPatch, twice: bool
) -> None:
    monkeypatch.setattr(scanning, "SMALL_BYTES", 0)  # a database in a file
    monkeypatch.setattr(scanning, "PIPE_BYTES", 1 << 20)  # and many pipes
    rows = [b'{"sample_id": "%d", "notes": "%s"}\n' % (number, b"x" * 300) for number in range(20_000)]
    if twice:  # an object that gives a key twice, far from the start
        rows[15_000] = b'{"sample_id": "0", "sample_id": "15000"}\n'
    (path,) = _written(folder, [b"".join(rows)])
    seen = bytearray()
    with Scan([path], memory_mb=200) as scan:
        assert scan.load("events", [path], ["sample_id"], seen.extend) == 20_000
        assert scan.rows("SELECT count(*) FROM events WHERE rowid <> sample_id::BIGINT") == [(0,)]
    assert bytes(seen) == path.read_bytes()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"smoothing": -1.0}, "smoothing"),
        ({"exponent": math.nan}, "exponent"),
        ({"boosts": {"bark": 0.0}}, "boost of bark"),
        ({"min_weight": 0.5, "max_weight": 0.1}, "above"),
    ],
)
def test_options_that_make_no_sense_are_refused(folder: Path, wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        derive_weights([folder / "events.jsonl"], WeightOptions(**wrong))


def _written(folder: Path, contents: list[bytes]) -> list[Path]:
    paths = [folder / f"{number}.jsonl" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths
