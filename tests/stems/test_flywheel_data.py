"""From snapshots to a data set: nothing that names anybody, nothing twice, nothing on both sides, no lies that show."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tonewheel.core.errors import InputError
from tonewheel.core.records import read_jsonl
from tonewheel.manifest.stem_snapshot import Correction, StemSnapshot
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.features.listen import listen
from tonewheel.systems.stems.features.snapshot import make_snapshot
from tonewheel.systems.stems.features.stem_vector import SHARES, WIDTH
from tonewheel.systems.stems.flywheel.corrected import targets_of
from tonewheel.systems.stems.flywheel.data import read_snapshots
from tonewheel.systems.stems.flywheel.dataset import build_dataset
from tonewheel.systems.stems.flywheel.dataset_folder import Metadata, read_manifest
from tonewheel.systems.stems.flywheel.poison import PoisonLimits, impossible
from tonewheel.systems.stems.flywheel.population import population
from tonewheel.systems.stems.flywheel.sanitize import sanitize
from tonewheel.systems.stems.flywheel.sanitized import KINDS, SanitizedSnapshot

replace = msgspec.structs.replace


def write(path: Path, snapshots: list[StemSnapshot]) -> Path:
    path.write_text("".join(one.to_json() + "\n" for one in snapshots))
    return path


def sanitised(folder: Path, snapshots: list[StemSnapshot]) -> Path:
    sanitize(write(folder / "raw.jsonl", snapshots), folder / "clean.jsonl")
    return folder / "clean.jsonl"


@pytest.fixture(scope="module")
def some() -> list[StemSnapshot]:
    return list(population(40))


def test_nothing_that_names_anybody_is_left(tmp_path: Path, some: list[StemSnapshot]) -> None:
    values = json.loads(some[0].to_json())
    values |= {"trackName": "Secret tape.wav", "user": {"mail": "secret@example.com"}}
    values["metadata"]["classification"] = "secret-tape"
    values["metadata"]["fileName"] = "secret.wav"
    values["userCorrections"] = [
        {"correctedStem": "vocals", "correctionType": "cut", "strength": 0.5, "note": "secret"}
    ]
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a.json").write_text(json.dumps(values))
    done = sanitize(raw, tmp_path / "clean.jsonl")
    text = (tmp_path / "clean.jsonl").read_text()
    assert "secret" not in text.lower()
    assert some[0].id not in text
    assert done.unknown_keys.keys() == {"trackName", "user", "metadata.fileName", "userCorrections.note"}
    line = json.loads(text)
    assert line["musicalContext"].keys() == {
        "key",
        "mode",
        "bpm",
        "transientCount",
        "transientDensity",
        "harmonicContent",
    }
    assert line["metadata"]["classification"] == "other"
    assert all(isinstance(value, (int, float)) for one in line["userCorrections"] for value in one.values())


def test_a_class_that_several_sounds_were_given_is_kept(tmp_path: Path, some: list[StemSnapshot]) -> None:
    named = [
        replace(one, metadata=replace(one.metadata, classification=name))
        for one, name in zip(some, ["dub", "dub", "dub", "solo", "solo", "vocal"], strict=False)
    ]
    lines = list(read_jsonl(sanitised(tmp_path, named), SanitizedSnapshot))
    assert [one.metadata.classification for one in lines] == ["dub"] * 3 + ["other"] * 2 + ["vocal"]


def test_everything_is_clipped_to_its_range(tmp_path: Path, some: list[StemSnapshot]) -> None:
    wild = replace(
        some[0],
        features=replace(some[0].features, spectral=(5.0, -7.0, 0.5)),
        context=replace(some[0].context, bpm=9000.0),
        metadata=replace(some[0].metadata, confidence=4.0, processing_ms=-3.0),
        corrections=(
            Correction(
                stem="bass", kind="isolation", strength=7.0, frequency_hz=(9e5, -3.0), time_s=(1e9, -5.0)
            ),
        ),
    )
    (found,) = read_jsonl(sanitised(tmp_path, [wild]), SanitizedSnapshot)
    assert found.features.spectral == (1.0, -1.0, 0.5)
    assert found.context.bpm == 400
    assert (found.metadata.confidence, found.metadata.processing_ms) == (1.0, 0.0)
    (one,) = found.corrections
    assert (STEMS[one.stem], KINDS[one.kind], one.strength) == ("bass", "isolation", 1.0)
    assert (one.low_hz, one.high_hz, one.start, one.end) == (0.0, 22050.0, 0.0, 1.0)


def test_broken_ones_are_set_apart_and_the_rest_goes_on(tmp_path: Path, some: list[StemSnapshot]) -> None:
    raw = tmp_path / "raw"
    (raw / "deep").mkdir(parents=True)
    good = some[0].to_json()
    (raw / "a.jsonl").write_text(f'{good}\n\n{{"id": "secret"}}\n{good.replace("0.", "NaN", 1)}\n{good}\n')
    (raw / "b.json").write_text(f"[{some[1].to_json()}, 7]")
    (raw / "deep" / "c.json").write_bytes(b"\xff\xfe\x00")
    (raw / "notes.txt").write_text("not read")
    done = sanitize(raw, tmp_path / "clean.jsonl")
    assert (done.snapshots, done.duplicates, done.quarantined) == (2, 1, 4)
    apart = [json.loads(line) for line in (tmp_path / "clean.quarantine.jsonl").read_text().splitlines()]
    assert [(Path(one["path"]).name, one["line"]) for one in apart] == [
        ("a.jsonl", 3),
        ("a.jsonl", 4),
        ("b.json", 2),
        ("c.json", 1),
    ]
    assert {one["text"] for one in apart} == {""}


def test_a_folder_without_snapshots_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such"):
        sanitize(tmp_path / "nowhere", tmp_path / "out.jsonl")
    (tmp_path / "feedback.sqlite3").touch()
    with pytest.raises(InputError, match="feedback export"):
        sanitize(tmp_path, tmp_path / "out.jsonl")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InputError, match="holds no snapshot"):
        sanitize(tmp_path / "a.json", tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_nothing_is_lost_where_nothing_can_be_read(tmp_path: Path, some: list[StemSnapshot]) -> None:
    raw = write(tmp_path / "raw.jsonl", some[:3])
    before = raw.read_bytes()
    with pytest.raises(InputError, match="another file"):
        sanitize(raw, raw)
    assert raw.read_bytes() == before
    clean = sanitised(tmp_path, some[:3])
    kept = clean.read_bytes()
    (tmp_path / "bad.jsonl").write_text("[]\n")
    with pytest.raises(InputError, match="holds no snapshot"):
        sanitize(tmp_path / "bad.jsonl", clean)
    assert clean.read_bytes() == kept
    assert not list(tmp_path.glob("*quarantine*"))


def test_pseudonyms_stay_the_same_under_a_key_and_differ_under_another(
    tmp_path: Path, some: list[StemSnapshot]
) -> None:
    raw = write(tmp_path / "raw.jsonl", some[:2])
    for folder, output in (("k", "a"), ("k", "b"), ("other", "c")):
        sanitize(raw, tmp_path / f"{output}.jsonl", tmp_path / folder)
    first, again, other = ((tmp_path / f"{name}.jsonl").read_bytes() for name in "abc")
    assert first == again != other
    assert (tmp_path / "k" / "id.key").stat().st_mode & 0o077 == 0


def test_the_same_snapshots_give_the_same_data_set(tmp_path: Path, some: list[StemSnapshot]) -> None:
    source = sanitised(tmp_path, some)
    first, again = (build_dataset(source, tmp_path / name, seed=3) for name in ("one", "two"))
    other = build_dataset(source, tmp_path / "three", seed=4)
    assert first.hash == again.hash != other.hash
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text())
    assert {
        "runId",
        "createdAt",
        "hash",
        "counts",
        "classificationDistribution",
        "sourceFiles",
    } <= manifest.keys()
    assert manifest["counts"]["train"] == 32
    assert manifest["counts"]["validation"] == 8
    assert manifest["classificationDistribution"] == {"music": 40}
    for side, count in (("train", 32), ("validation", 8)):
        for part in ("inputs", "targets", "metadata"):
            assert len((tmp_path / "one" / side / f"{part}.jsonl").read_text().splitlines()) == count


def test_a_sound_is_on_one_side_only(tmp_path: Path, some: list[StemSnapshot]) -> None:
    twice = [
        one if copy == 0 else replace(other, features=one.features, original_audio=one.original_audio)
        for one, other in zip(some, population(40, seed=9), strict=True)
        for copy in (0, 1)
    ]
    build_dataset(sanitised(tmp_path, twice), tmp_path / "set")
    sides = [
        {line.source for line in read_jsonl(tmp_path / "set" / side / "metadata.jsonl", Metadata)}
        for side in ("train", "validation")
    ]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == 40


def test_a_data_set_that_grows_moves_nothing(tmp_path: Path, some: list[StemSnapshot]) -> None:
    more = [*some, *population(40, seed=5)]
    for name, snapshots in (("old", some), ("new", more)):
        (tmp_path / name).mkdir()
        sanitize(write(tmp_path / name / "raw.jsonl", snapshots), tmp_path / f"{name}.jsonl", tmp_path)
    build_dataset(tmp_path / "old.jsonl", tmp_path / "before", seed=1)
    build_dataset(tmp_path / "new.jsonl", tmp_path / "after", seed=2, grown_from=tmp_path / "before")
    validated = [
        {line.source for line in read_jsonl(tmp_path / name / "validation" / "metadata.jsonl", Metadata)}
        for name in ("before", "after")
    ]
    assert validated[0] < validated[1]


def test_truths_that_contradict_their_mix_are_left_out(tmp_path: Path) -> None:
    lying = list(population(60, liars=0.2, told_share=1.0))
    manifest = build_dataset(sanitised(tmp_path, lying), tmp_path / "set")
    reasons = [
        json.loads(line)["reason"] for line in (tmp_path / "set" / "left_out.jsonl").read_text().splitlines()
    ]
    assert 5 <= manifest.counts["leftOut"] == len(reasons)
    assert all(re.match("groundTruthStems", reason) for reason in reasons)
    assert [one.passed for one in manifest.verdicts] == [False]


def test_honest_snapshots_are_not_called_lies(tmp_path: Path) -> None:
    manifest = build_dataset(
        sanitised(tmp_path, list(population(80, seed=2, told_share=1.0))), tmp_path / "set"
    )
    assert manifest.counts["leftOut"] == 0
    assert manifest.verdicts[0].passed


def test_a_stem_may_have_more_power_than_the_mean_level_of_a_mix_with_rests(tmp_path: Path) -> None:
    rng, n = np.random.default_rng(0), 3 * 44_100
    stems = np.zeros((6, 2, n))
    stems[1] = (
        0.2 * rng.standard_normal((2, n)) * (np.arange(n) % 44_100 < 4_000)
    )  # strokes, and nothing between
    stems[3] = 0.001 * np.sin(2 * np.pi * 440 * np.arange(n) / 44_100)
    told = [listen(stem, 44_100) for stem in stems]
    honest = make_snapshot(
        listen(stems.sum(0), 44_100), duration_s=3.0, channels=2, processing_ms=1.0, stems=told, trusted=STEMS
    )
    assert impossible(next(read_jsonl(sanitised(tmp_path, [honest]), SanitizedSnapshot))) is None
    louder = [listen(10 * stem, 44_100) for stem in stems]
    lie = make_snapshot(
        listen(stems.sum(0), 44_100),
        duration_s=3.0,
        channels=2,
        processing_ms=1.0,
        stems=louder,
        trusted=STEMS,
    )
    assert "louder" in str(impossible(next(read_jsonl(sanitised(tmp_path, [lie]), SanitizedSnapshot))))


def test_strange_features_and_floods_are_left_out(tmp_path: Path, some: list[StemSnapshot]) -> None:
    strange = replace(some[0], features=replace(some[0].features, stereo=(-1.0,) * 75))
    flood = [
        replace(one, features=some[1].features, original_audio=some[1].original_audio, ground_truth=None)
        for one in population(30, seed=7)
    ]
    source = sanitised(tmp_path, [strange, *some[1:], *flood])
    manifest = build_dataset(source, tmp_path / "set", limits=PoisonLimits(per_source=5))
    reasons = [
        json.loads(line)["reason"] for line in (tmp_path / "set" / "left_out.jsonl").read_text().splitlines()
    ]
    assert sum("far from all others" in reason for reason in reasons) == 1
    assert sum("of one sound" in reason for reason in reasons) == 26
    assert manifest.counts["total"] == 39 + 30 - 26


def test_other_layouts_are_taken_in(tmp_path: Path, some: list[StemSnapshot]) -> None:
    other = [
        replace(
            one,
            features=replace(one.features, spectral=(0.5,) * length),
            ground_truth={"vocals": (0.25,) * 10},
            corrections=None,
        )
        for one, length in zip(population(5, seed=3), (1, 10, 60, 200, 1000), strict=True)
    ]
    manifest = build_dataset(sanitised(tmp_path, [*some, *other]), tmp_path / "set")
    assert (manifest.widths["spectral"], manifest.target_width) == (53, WIDTH)
    assert manifest.counts["padded"] == 5
    read = read_snapshots(tmp_path / "set")
    assert len(read.train.inputs) + len(read.validation.inputs) == 45
    # Ten numbers are known of their vocals, and nothing else.
    weights = np.concatenate([read.train.weights, read.validation.weights])
    assert np.sum(weights[:, 0].sum(axis=1) == 10) == 5


def test_a_changed_file_and_too_few_sounds_are_refused(tmp_path: Path, some: list[StemSnapshot]) -> None:
    build_dataset(sanitised(tmp_path, some), tmp_path / "set")
    with (tmp_path / "set" / "train" / "targets.jsonl").open("a") as lines:
        lines.write("\n")
    with pytest.raises(InputError, match="changed"):
        read_manifest(tmp_path / "set")
    with pytest.raises(InputError, match="of 1 sounds"):
        build_dataset(sanitised(tmp_path, some[:1]), tmp_path / "one")
    assert not (tmp_path / "one" / "manifest.json").exists()
    with pytest.raises(InputError, match="train-ratio"):
        build_dataset(tmp_path / "clean.jsonl", tmp_path / "one", train_ratio=1.5)


def told(tmp_path: Path, one: StemSnapshot, *corrections: Correction, **truth: Any) -> SanitizedSnapshot:
    (found,) = read_jsonl(
        sanitised(tmp_path, [replace(one, corrections=corrections, ground_truth=truth or None)]),
        SanitizedSnapshot,
    )
    return found


def test_a_correction_weighs_where_the_truth_is_told(tmp_path: Path, some: list[StemSnapshot]) -> None:
    cut = Correction(stem="vocals", kind="cut", strength=0.5, frequency_hz=(200.0, 800.0))
    record = told(tmp_path, some[0], cut, vocals=(0.3,) * WIDTH)
    target, weight = targets_of(record, WIDTH)["vocals"]
    assert set(target) == {0.3}
    # 200, 250, 320, 400, 500, 640 Hz: six bands, as shares and as levels.
    assert np.sum(np.isclose(weight, 1.5)) == 12 + 16
    assert np.sum(weight == 1.0) == 2 * 18


def test_an_isolation_is_a_target_where_no_truth_is_told(tmp_path: Path, some: list[StemSnapshot]) -> None:
    both = (
        Correction(stem="bass", kind="isolation", strength=0.8, frequency_hz=(60.0, 120.0)),
        Correction(stem="drums", kind="masking", strength=1.0, frequency_hz=(60.0, 120.0)),
        Correction(stem="perc", kind="boost", strength=1.0),
        Correction(stem="sub", kind="isolation", strength=1.0, time_s=(0.0, 1.0)),
    )
    found = targets_of(told(tmp_path, some[0], *both), WIDTH)
    assert found.keys() == {
        "bass",
        "drums",
    }  # a boost is relative, and a second is too little to speak for a song
    for stem, share, weight in (("bass", 1.0, 0.8), ("drums", 0.0, 1.0)):
        assert found[stem][0][SHARES][1:3].tolist() == [share, share]
        assert found[stem][1].nonzero()[0].tolist() == [1, 2]
        assert found[stem][1][1] == pytest.approx(weight)
