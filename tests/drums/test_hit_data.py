"""What the hit classifier learns from: labels, velocities and openness as told, batches by step number."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.learn.fit import RunResult
from tonewheel.learn.recipe import load_recipe
from tonewheel.systems.drums import commands
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits import train as hits_train
from tonewheel.systems.drums.hits.clips import ClipDataset
from tonewheel.systems.drums.hits.data import NO_LABEL, HitStream
from tonewheel.systems.drums.hits.outliers import ONLY_VALID, Outliers
from tonewheel.systems.drums.hits.recipe import HitsRecipe
from tonewheel.systems.drums.hits.shelf import OPEN_FROM, Shelf
from tonewheel.systems.drums.hits.strengths import drum_of, openness_of, peak_db, velocities
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.stage.kits import SAMPLE_RATE_HZ, Shot, strength_of

SMOKE = load_recipe("smoke", HitsRecipe)


def shot(instrument: str, strength: float = 1.0, label: str = "hihat_open", start: int = 0) -> Shot:
    return Shot(
        kit="k",
        instrument=instrument,
        label=label,
        strength=strength,
        start=start,
        length=1,
        split="train",
        licence="",
    )


@pytest.mark.parametrize(
    ("instrument", "openness"),
    [
        ("HihatClosed", 0.0),
        ("hihatFoot", 0.0),
        ("hc", 0.0),
        ("ht", 0.0),
        ("hf", 0.0),
        ("hh", 0.5),
        ("hl", 0.7),
        ("ho", 1.0),
        ("HihatOpen", 1.0),
        ("hihatSemiOpen2", 0.25),
        ("SabianRockHatSemiOpen-3", 0.5),
        ("SabianRockHatSwish-3", None),
        ("hihat", None),
    ],
)
def test_openness_is_read_from_names(instrument: str, openness: float | None) -> None:
    assert openness_of(shot(instrument)) == openness
    assert openness_of(shot(instrument, label="kick")) is None


def test_a_velocity_is_a_rank_within_a_drum() -> None:
    layers = [
        strength_of(told, "", peak) for told, peak in (("PP", 0.9), ("P", 1.0), ("P", 0.2), ("FF", 0.5))
    ]
    shots = [shot("snare", strength, "snare", start) for start, strength in enumerate(layers)]
    found = velocities(shots)
    assert [found[number, "k"] for number in range(4)] == [0.125, 0.5, 0.5, 0.875]  # a layer is one velocity
    # Takes of one drum are one drum; two hits, or one layer, tell nothing.
    assert drum_of(shot("Ludwig26Kick-5")) == drum_of(shot("Ludwig26Kick-1")) == ("k", "Ludwig26Kick")
    assert velocities(shots[:2]) == {}
    assert velocities(shots[1:3] * 2) == {}


@pytest.mark.parametrize("peak", [0.0237, 0.35, 0.98])
def test_the_level_of_a_file_is_still_known(peak: float) -> None:
    assert peak_db(shot("a", strength_of("vl3", "", peak))) == pytest.approx(20 * np.log10(peak), abs=1e-6)
    assert peak_db(shot("a", strength_of("", "", peak))) is None


@pytest.fixture(scope="module")
def stream(drum_kits: Prepared) -> HitStream:
    return HitStream(drum_kits, SMOKE, outliers_per_kind=2)


def test_a_batch_is_a_function_of_its_step(stream: HitStream) -> None:
    one, again, other = (stream.draw(generator(3, "batch", step), step) for step in (5, 5, 6))
    for mine, yours in zip(one, again, strict=True):
        assert torch.equal(torch.nan_to_num(mine, nan=-9.0), torch.nan_to_num(yours, nan=-9.0))
    assert not torch.equal(one.log_mel, other.log_mel)
    assert one.log_mel.shape == (16, 128, 128)
    assert bool(one.log_mel.isfinite().all())
    none = one.label == NO_LABEL
    assert int(none.sum()) == round(16 * SMOKE.examples.outlier_share)
    assert bool(one.velocity[none].isnan().all())
    told = torch.isfinite(one.velocity)
    assert bool(((one.velocity[told] > 0) & (one.velocity[told] < 1)).all())


def test_every_label_is_drawn_as_often_as_it_should_be(stream: HitStream) -> None:
    rng = generator(0, "draws")
    even = stream.shelf.shares(1.0)
    assert even == pytest.approx(np.full(12, 1 / 12))
    found = np.bincount([stream._choose(rng).label for _ in range(2000)], minlength=12) / 2000
    assert found == pytest.approx(stream.shares, abs=0.03)


def test_a_split_keeps_to_itself(drum_kits: Prepared) -> None:
    kits = {split: {one.shot.kit for one in Shelf(drum_kits, split).known} for split in ("train", "valid")}
    assert not kits["train"] & kits["valid"]
    with pytest.raises(InputError, match="no hits in the test split"):
        Shelf(drum_kits, "test")


def test_hats_of_every_openness_are_made(stream: HitStream) -> None:
    made = [one for one in stream.shelf.known if one.shot.start < 0]
    assert {one.openness for one in made} == {0.15, 0.3, 0.45, 0.6, 0.75, 0.9}
    for one in made:
        assert LABELS[one.label] == ("hihat_open" if one.openness >= OPEN_FROM else "hihat_closed")
    # The more open, the longer it rings.
    kit = sorted((one for one in made if one.shot.kit == "hats-train-01"), key=lambda one: one.openness)
    rings_s = []
    for one in kit:
        energy = np.cumsum(np.square(stream.shelf.shot(one.shot)))
        rings_s.append(np.searchsorted(energy, 0.9 * energy[-1]) / SAMPLE_RATE_HZ)
    assert np.corrcoef(np.arange(len(rings_s)), rings_s)[0, 1] > 0.8


def test_what_is_no_drum_is_made_once(drum_kits: Prepared, stream: HitStream) -> None:
    files = sorted((drum_kits.folder / "outliers").glob("train-*"))
    assert len(files) == 6
    before = [file.stat().st_mtime_ns for file in files]
    again = Outliers(drum_kits, "train", stream.samples, stream.lead, per_kind=2)
    assert [file.stat().st_mtime_ns for file in files] == before
    for kind in again.kinds:
        name, audio = again.draw(generator(1), kind)
        assert name == kind
        assert audio.shape == (stream.samples,)
        assert float(np.abs(audio).max()) == pytest.approx(1.0, abs=1e-3)
    assert len(ONLY_VALID) >= 4


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A dataset as `drums collect export` writes it: hits 0.1 s into their clips."""
    (tmp_path / "clips").mkdir()
    lines = []
    for number, (label, session) in enumerate([("kick", "a"), ("Side Stick", "a"), ("hihat_open", "b")]):
        audio = np.zeros(22_050, np.float32)
        audio[4_410:] = np.exp(-np.arange(17_640) / 2_000)
        write(tmp_path / "clips" / f"{number}.flac", audio, SAMPLE_RATE_HZ)
        component = {"label": label, "velocity": 0.25 * (number + 1)}
        if label == "hihat_open":
            component["openness"] = 0.6
        event = {"sample_id": str(number), "session_id": session, "components": [component]}
        lines.append(
            {**event, "clip_path": f"clips/{number}.flac", "context_ms": {"pre": 100.0, "post": 400.0}}
        )
    both = {**lines[0], "sample_id": "3", "components": [{"label": "kick"}, {"label": "snare"}]}
    gone = {**lines[0], "sample_id": "4", "clip_path": "clips/gone.flac"}
    strange = {**lines[0], "sample_id": "5", "components": [{"label": "theremin"}]}
    away = {**lines[0], "sample_id": "6", "clip_path": "/etc/passwd"}
    text = "".join(json.dumps(line) + "\n" for line in [*lines, both, gone, strange, away])
    (tmp_path / "train.jsonl").write_text(text + "{broken\n")
    return tmp_path


def test_an_exported_dataset_is_read(dataset: Path) -> None:
    clips = ClipDataset(dataset, "train")
    assert [(LABELS[one.label], one.velocity) for one in clips.known] == [
        ("kick", 0.25),
        ("cross_stick", 0.5),
        ("hihat_open", 0.75),
    ]
    assert clips.known[2].openness == 0.6
    assert np.isnan(clips.known[0].openness)
    reasons = " ".join(one.reason for one in clips.left_out)
    for told in ("2 drums at once", "gone.flac", "theremin", "/etc/passwd", "1 broken lines"):
        assert told in reasons
    audio, _ = clips.draw(generator(0), 20_717, 2_646)
    assert abs(int(np.argmax(np.abs(audio) > 0.5)) - 2_646) < 20  # the onset lies at the lead


def test_sessions_are_drawn_by_their_weights(dataset: Path) -> None:
    clips = ClipDataset(dataset, "train", {"a": 0.05, "b": 0.3})
    # An event counts with the weight of its session: 0.05, 0.05, 0.3.
    assert share_of(clips, "hihat_open") == pytest.approx(0.75, abs=0.03)
    assert share_of(clips, "kick") == pytest.approx(0.125, abs=0.02)
    assert share_of(clips, "kick") == share_of(clips, "kick")  # the same seed draws the same hits
    assert {one.label for one in ClipDataset(dataset, "train", {"b": 1.0}).known} == {
        LABELS.index("hihat_open")
    }
    with pytest.raises(InputError, match="has a weight"):
        ClipDataset(dataset, "train", {"z": 1.0})
    with pytest.raises(InputError, match="collect export"):
        ClipDataset(dataset, "valid")


def share_of(clips: ClipDataset, label: str, draws: int = 4000) -> float:
    rng = generator(0)
    found = [clips.draw(rng, 100, 10)[1].label for _ in range(draws)]
    return float(np.mean([number == LABELS.index(label) for number in found]))


def test_training_takes_the_weights_that_manifest_weights_writes(
    dataset: Path, drum_kits: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [json.loads(line) for line in (dataset / "train.jsonl").read_text().splitlines()[:3]]
    events = [events[0], {**events[2], "techniques": ["hihat_bark"]}]  # one of session a, one of b
    (dataset / "train.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    weights = tmp_path / "weights.json"
    boost = ["--technique-boost", "hihat_bark=9"]
    told = CliRunner().invoke(
        commands.app, ["manifest", "weights", str(dataset / "train.jsonl"), "-o", str(weights), *boost]
    )
    assert told.exit_code == 0, told.output
    taken: list[ClipDataset] = []

    def train(*_: object, dataset: ClipDataset) -> RunResult:
        taken.append(dataset)
        return RunResult(run_dir="", steps=0, best_step=None, best_score=None, scores={})

    monkeypatch.setattr(hits_train, "train", train)
    command = [
        "train",
        str(drum_kits.folder),
        "-o",
        str(tmp_path / "run"),
        "--model",
        "hits",
        "--recipe",
        "smoke",
    ]
    with_weights = ["--dataset", str(dataset), "--sampling-weights", str(weights)]
    told = CliRunner().invoke(commands.app, [*command, *with_weights])
    assert told.exit_code == 0, told.output
    assert share_of(taken[0], "hihat_open") == pytest.approx(0.9, abs=0.02)  # 9:1
    refused = CliRunner().invoke(commands.app, [*command, "--sampling-weights", str(weights)])
    assert isinstance(refused.exception, InputError)  # of which sessions?


def test_a_dataset_takes_part_in_batches(drum_kits: Prepared, dataset: Path) -> None:
    recipe = load_recipe("smoke", HitsRecipe, ["examples.dataset_share=1.0"])
    stream = HitStream(drum_kits, recipe, dataset=ClipDataset(dataset, "train"), outliers_per_kind=2)
    batch = stream.draw(generator(0), 0)
    there = {LABELS.index(name) for name in ("kick", "cross_stick", "hihat_open")}
    assert set(batch.label.tolist()) <= {NO_LABEL, *there}
