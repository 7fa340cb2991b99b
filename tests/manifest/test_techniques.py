"""Techniques are found session by session, in any order of lines, as a plain loop finds them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tonewheel.core.errors import InputError
from tonewheel.manifest.components import canonical, class_of
from tonewheel.manifest.technique_taxonomy import load_taxonomy
from tonewheel.manifest.techniques import BARK_LONGEST_S, annotate

SHIPPED = load_taxonomy()


def event(onset: float, *labels: str, session: str = "s", **more: Any) -> dict[str, Any]:
    components = [{"label": label} for label in labels]
    return {"sample_id": f"{session}-{onset}", "session_id": session, "onset_time": onset,
            "components": components, **more}  # fmt: skip


def run(tmp_path: Path, *events: dict[str, Any]) -> list[list[str]]:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in events))
    annotate(path, tmp_path / "out.jsonl", SHIPPED)
    return [
        json.loads(line).get("techniques", []) for line in (tmp_path / "out.jsonl").read_text().splitlines()
    ]


def test_the_meter_changes(tmp_path: Path) -> None:
    events = [event(n, "kick", meter=meter) for n, meter in enumerate(["4/4", "4/4", "7/8", "7/8", "4/4"])]
    assert run(tmp_path, *events) == [[], [], ["variable_meter"], [], ["variable_meter"]]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (120, 180, True),
        (120, 60, True),
        (120, 160, True),
        (100, 125, True),
        (120, 123, False),
        (120, 130, False),
    ],
)
def test_the_tempo_jumps_by_a_simple_ratio(tmp_path: Path, before: float, after: float, found: bool) -> None:
    rows = run(tmp_path, event(0, "kick", tempo_bpm=before), event(1, "kick", tempo_bpm=after))
    assert rows == [[], ["metric_modulation"] if found else []]


def test_two_cymbals_of_a_family(tmp_path: Path) -> None:
    def variant(onset: float, label: str, name: str) -> dict[str, Any]:
        one = event(onset, label)
        one["components"][0]["instrument_variant"] = name
        return one

    mark = ["multi_cymbal_same_class"]
    assert run(tmp_path, event(0, "crash"), event(1, "crash2"), event(2, "ride")) == [mark, mark, []]
    assert run(tmp_path, event(0, "crash"), event(1, "crash1")) == [[], []]
    assert run(tmp_path, variant(0, "crash", "low"), variant(1, "crash", "high")) == [mark, mark]
    assert run(tmp_path, event(0, "ride_bow"), event(1, "ride_bell")) == [[], []]
    assert run(tmp_path, variant(0, "ride", "20"), variant(1, "ride_bell", "22")) == [mark, mark]


def test_a_bark_is_short(tmp_path: Path) -> None:
    mark = ["hihat_bark"]
    assert run(tmp_path, event(0, "hihat_open"), event(0.1, "hihat_pedal")) == [mark, []]
    assert run(tmp_path, event(0, "hihat_open"), event(0.1, "hihat_open"), event(0.2, "hihat_closed")) == [
        [], mark, [],
    ]  # fmt: skip
    assert run(tmp_path, event(0, "hihat_open"), event(0.25, "hihat_closed")) == [[], []]
    choked = event(0, "hihat_open")
    choked["components"][0]["choke"] = True
    assert run(tmp_path, choked) == [mark]


def test_sessions_and_their_tracks_are_apart(tmp_path: Path) -> None:
    rows = run(
        tmp_path,
        event(0, "kick", session="a", meter="4/4"),
        event(1, "kick", session="b", meter="3/4"),
        event(2, "kick", session="a", meter="4/4", track_id="2"),
        event(3, "kick", session="a", meter="3/4", track_id="3"),
    )
    assert rows == [[], [], [], []]


def by_loop(events: list[dict[str, Any]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {one["sample_id"]: set() for one in events}
    sessions: dict[str, list[dict[str, Any]]] = {}
    for one in events:
        sessions.setdefault(one["session_id"], []).append(one)
    for session in sessions.values():
        session.sort(key=lambda one: one["onset_time"])
        meter = tempo = open_hat = None
        crashes: dict[str, list[str]] = {}
        for one in session:
            if meter is not None and one["meter"] != meter:
                found[one["sample_id"]].add("variable_meter")
            meter = one["meter"]
            if tempo is not None:
                ratio = one["tempo_bpm"] / tempo
                for p in range(1, 6):
                    for q in range(1, 6):
                        if p != q and abs(ratio * q / p - 1) <= 0.02:
                            found[one["sample_id"]].add("metric_modulation")
            tempo = one["tempo_bpm"]
            label = one["components"][0]["label"]
            if class_of(label).startswith("hihat"):
                is_open = class_of(label) == "hihat_open"
                if open_hat and not is_open and one["onset_time"] - open_hat["onset_time"] <= BARK_LONGEST_S:
                    found[open_hat["sample_id"]].add("hihat_bark")
                open_hat = one if is_open else None
            if class_of(label) == "crash":
                crashes.setdefault(canonical(label), []).append(one["sample_id"])
        if len(crashes) > 1:
            for sample_ids in crashes.values():
                for sample_id in sample_ids:
                    found[sample_id].add("multi_cymbal_same_class")
    return found


def test_interleaved_sessions_equal_a_plain_loop(tmp_path: Path) -> None:
    rng = random.Random(5)
    events = []
    for number in range(2000):
        one = event(round(rng.uniform(0, 60), 6), rng.choice(
            ["kick", "hihat_open", "hihat_closed", "hihat_pedal", "crash", "crash1", "china", "snare"]
        ), session=f"s{rng.randrange(150)}", meter=rng.choice(["4/4"] * 9 + ["3/4"]),
            tempo_bpm=rng.choice([120.0] * 9 + [90.0, 127.0, 240.0]))  # fmt: skip
        events.append(one | {"sample_id": str(number)})
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in events))
    done = annotate(path, path, SHIPPED)
    expected = by_loop(events)
    got = {
        one["sample_id"]: set(one.get("techniques", []))
        for one in map(json.loads, path.read_text().splitlines())
    }
    assert got == expected
    assert done.changed == sum(bool(one) for one in expected.values())
    assert all(count > 0 for count in done.added.values())
    assert annotate(path, None, SHIPPED).changed == 0


def test_what_is_there_stays_and_aliases_become_ids(tmp_path: Path) -> None:
    one = event(0, "kick", techniques=["Bark", "gravity blast", "flam"])
    assert run(tmp_path, one) == [["hihat_bark", "gravity blast", "flam"]]
    done = annotate(tmp_path / "events.jsonl", None, SHIPPED)
    assert (done.renamed, done.unknown) == ({"Bark": 1}, {"gravity blast": 1})


def test_a_taxonomy_decides_which_rules_run_and_the_plain_list_stands_in(tmp_path: Path) -> None:
    listed = tmp_path / "old.txt"
    listed.write_text("# feels\n- Variable Meter: it changes\n2) Hi-hat bark - short\nflam  # grace\n\n")
    old = load_taxonomy(tmp_path / "missing.json", listed)
    assert [one.id for one in old.techniques] == ["variable_meter", "hi_hat_bark", "flam"]
    path = tmp_path / "events.jsonl"
    path.write_text(
        "".join(
            json.dumps(event(n, "kick", meter=f"{n + 3}/4", tempo_bpm=60 * (n + 1))) + "\n" for n in range(2)
        )
    )
    assert annotate(path, None, old).added == {"variable_meter": 1}
    assert annotate(path, None, SHIPPED).added["metric_modulation"] == 1
    preferred = tmp_path / "new.json"
    preferred.write_text('{"version": 1, "techniques": ["flam", {"id": "drag", "mood": 1}]}')
    assert [one.id for one in load_taxonomy(preferred, listed).techniques] == ["flam", "drag"]
    with pytest.raises(InputError, match=r"missing\.json"):
        load_taxonomy(tmp_path / "missing.json")


def test_the_shipped_taxonomy_has_what_production_requires() -> None:
    ids = {one.id for one in SHIPPED.techniques}
    required = "hihat_bark metric_modulation variable_meter multi_cymbal_same_class ghost_note flam drag roll"
    assert set(required.split()) | {"rimshot", "cross_stick", "choke"} <= ids
    aliases = [alias for one in SHIPPED.techniques for alias in one.aliases]
    assert len(aliases) == len(set(aliases))
    assert not set(aliases) & ids
