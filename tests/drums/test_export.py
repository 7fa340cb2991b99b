"""Exported datasets: nobody is on two sides, labels are shared out, every clip has its provenance."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError
from tonewheel.core.files import sha256
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.systems.drums.collecting.collection import Collection, Context
from tonewheel.systems.drums.collecting.export import export, parse_slice
from tonewheel.systems.drums.collecting.splits import GROUP_KEYS, split_events

SPLITS = ("train", "valid", "test")
LABELS = ("kick", "snare", "hihat_closed", "crash")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Eight drummers of one recording each, two of the recordings synthetic, one non-commercial."""
    folder = tmp_path_factory.mktemp("collected")
    made = Collection(folder / "c")
    for number in range(8):
        audio = np.random.default_rng(number).uniform(-0.5, 0.5, 8000).astype(np.float32)
        write(folder / f"{number}.wav", audio, 4000)
        hits = [DrumHit(onset_s=0.05 * n, label=LABELS[n % 4]) for n in range(12)]
        made.add(
            folder / f"{number}.wav",
            hits,
            label_method="manual",
            about={
                "drummer_id": f"d{number}",
                "source_set": "made" if number < 2 else "played",
                "is_synthetic": number < 2,
                "license": "CC BY-NC 4.0" if number == 7 else "CC0",
            },
            context=Context(pre=10, post=40),
        )
    return made


def rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        for name in SPLITS
    }


def test_a_dataset_is_whole_and_says_where_it_comes_from(collection: Collection, tmp_path: Path) -> None:
    result = export(collection, tmp_path / "d", seed=3)
    found = rows(tmp_path / "d")
    assert {name: len(some) for name, some in found.items()} == result.events
    assert sum(result.events.values()) == 8 * 12
    for name, some in found.items():
        assert some, f"{name} is empty"
        assert {one["components"][0]["label"] for one in some} == set(LABELS)
        for one in some:
            clip = tmp_path / "d" / one["clip_path"]
            assert sha256(clip) == sha256(collection.folder / "clips" / clip.name)
            assert (tmp_path / "d" / one["audio_path"]).is_file()
    drummers = {name: {one["drummer_id"] for one in some} for name, some in found.items()}
    assert not drummers["train"] & drummers["valid"]
    assert not (drummers["train"] | drummers["valid"]) & drummers["test"]
    assert {"d0", "d1"} <= drummers["train"]
    assert "d7" not in drummers["train"]
    sources = [json.loads(line) for line in (tmp_path / "d" / "provenance.jsonl").read_text().splitlines()]
    assert len(sources) == 8
    assert {one["license"] for one in sources} == {"CC0", "CC BY-NC 4.0"}
    one = found["train"][0]
    assert sha256(tmp_path / "d" / one["audio_path"]) == one["audio_sha256"]
    metadata = json.loads((tmp_path / "d" / "metadata.json").read_text())
    assert metadata["splits"]["train"]["synthetic"] == 24
    assert metadata["split_durations_seconds"]["train"] == pytest.approx(result.events["train"] * 0.05)
    assert metadata["duration_seconds_by_source"] == {"made": 1.2, "played": 3.6}


def test_the_same_export_is_the_same_bytes(collection: Collection, tmp_path: Path) -> None:
    export(collection, tmp_path / "a")
    export(Collection.open(collection.folder), tmp_path / "b")
    names = sorted(one.relative_to(tmp_path / "a") for one in (tmp_path / "a").rglob("*") if one.is_file())
    assert names == sorted(
        one.relative_to(tmp_path / "b") for one in (tmp_path / "b").rglob("*") if one.is_file()
    )
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)


def test_slices_are_disjoint_and_together_the_whole(collection: Collection, tmp_path: Path) -> None:
    export(collection, tmp_path / "whole", references=True)
    whole = {name: {one["sample_id"] for one in some} for name, some in rows(tmp_path / "whole").items()}
    together: dict[str, list[str]] = defaultdict(list)
    for k in range(3):
        export(collection, tmp_path / str(k), part=(k, 3), references=True)
        for name, some in rows(tmp_path / str(k)).items():
            together[name] += [one["sample_id"] for one in some]
    for name in SPLITS:
        assert sorted(together[name]) == sorted(whole[name])
    assert not (tmp_path / "whole" / "clips").exists()
    first = rows(tmp_path / "whole")["train"][0]
    assert (tmp_path / "whole" / first["clip_path"]).is_file()


def test_the_synthetic_share_is_capped(collection: Collection, tmp_path: Path) -> None:
    result = export(collection, tmp_path / "d", synthetic_cap=0.1, references=True)
    train = result.events["train"]
    assert 0 < result.synthetic <= 0.1 * train
    assert result.synthetic + result.over_cap == 24
    assert (result.synthetic + 1) / (train + 1) > 0.1


def test_licences_can_be_overruled_and_are_told(collection: Collection, tmp_path: Path) -> None:
    told = export(collection, tmp_path / "a", references=True).warnings
    assert any("12 events are for evaluation only" in one for one in told)
    shares = {"train": 1.0, "valid": 0.0, "test": 0.0}
    assert export(collection, tmp_path / "b", shares=shares, references=True).events["train"] == 84
    everything = export(collection, tmp_path / "c", shares=shares, any_licence=True, references=True)
    assert everything.events["train"] == 96


def test_what_is_there_is_not_replaced(collection: Collection, tmp_path: Path) -> None:
    export(collection, tmp_path / "d", references=True)
    with pytest.raises(InputError, match="--force"):
        export(collection, tmp_path / "d", references=True)
    export(collection, tmp_path / "d", references=True, force=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match="not replaced, even with --force"):
        export(collection, tmp_path / "mine", force=True)
    with pytest.raises(InputError, match="K/N"):
        parse_slice("10/10")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["d", "mine"]


def test_a_missing_clip_leaves_nothing_behind(collection: Collection, tmp_path: Path) -> None:
    broken = Collection.open(collection.folder)
    next(iter(broken.events.values()))["clip_path"] = "clips/gone.flac"
    with pytest.raises(InputError, match=r"gone\.flac: the clip of event"):
        export(broken, tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


NAMES = st.sampled_from(["", "a", "b", "c", "d", "e"])
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "drummer_id": NAMES,
            "kit_id": NAMES,
            "room_id": st.sampled_from(["", "hall"]),
            "session_id": st.integers(0, 30).map(str),
            "is_synthetic": st.booleans(),
            "components": st.sampled_from(LABELS).map(lambda label: [{"label": label}]),
        }
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=30, deadline=None)
@given(EVENTS, st.integers(0, 5), st.data())
def test_no_key_is_on_two_sides(events: list[dict[str, Any]], seed: int, data: st.DataObject) -> None:
    events = [one | {"sample_id": str(number)} for number, one in enumerate(events)]
    barred = [data.draw(st.booleans()) if not one["is_synthetic"] else False for one in events]
    split = split_events(events, seed=seed, evaluation_only=barred).split
    for key in GROUP_KEYS:
        where: dict[str, set[str]] = defaultdict(set)
        for one, name in zip(events, split, strict=True):
            if one.get(key):
                where[one[key]].add(name)
        assert all(len(names) == 1 for names in where.values())
    for one, name, closed in zip(events, split, barred, strict=True):
        assert not (one["is_synthetic"] and name in ("valid", "test"))
        assert not (closed and name == "train")


def test_labels_are_shared_out_where_groups_allow() -> None:
    rng = np.random.default_rng(2)
    events = []
    for session in range(60):
        for number in range(int(rng.integers(5, 30))):
            label = rng.choice(LABELS, p=[0.5, 0.3, 0.17, 0.03])
            events.append(
                {
                    "sample_id": f"{session}-{number}",
                    "session_id": str(session),
                    "components": [{"label": str(label)}],
                }
            )
    split = split_events(events).split
    for label in LABELS:
        own = [
            name for one, name in zip(events, split, strict=True) if one["components"][0]["label"] == label
        ]
        assert own.count("train") / len(own) == pytest.approx(0.8, abs=0.08)
        assert own.count("test") / len(own) == pytest.approx(0.1, abs=0.06)
