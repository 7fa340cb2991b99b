"""Scoring annotated songs: gains that are stated, counts that are right, a report that is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tonewheel.audio.encode import write
from tonewheel.audio.loudness import integrated_lufs
from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.learn.checkpoint import save_model
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.systems.drums import evaluate as module
from tonewheel.systems.drums.baselines.flux import flux, pick
from tonewheel.systems.drums.evaluate import FLUX_THRESHOLDS, evaluate
from tonewheel.systems.drums.hearing.decode import DecodeRule
from tonewheel.systems.drums.hearing.ears import KIND, Ears, build
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.recipe import DrumsRecipe, NetworkRecipe
from tonewheel.systems.drums.scoring.labels import Tally
from tonewheel.systems.drums.scoring.songs import read_songs
from tonewheel.systems.drums.scoring.streaming import StreamTally

RATE = 44_100
KICKS_S = np.arange(0.5, 5.5, 0.5)


def thump(times_s: np.ndarray, seconds: float = 6.0) -> np.ndarray:
    """A bass drum of sorts, 60 Hz dying out, at these times."""
    t = np.arange(round(0.45 * RATE)) / RATE
    hit = np.sin(2 * np.pi * 60 * t) * np.exp(-t / 0.05)
    out = 1e-4 * generator(0).standard_normal(round(seconds * RATE))
    for time in times_s:
        out[round(time * RATE) : round(time * RATE) + len(hit)] += 0.3 * hit
    return out.astype(np.float32)


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Two songs of a drum, a bass and a flute at raw levels that mean nothing."""
    rows = ["path,kind,label"]
    for name in ("One", "Two"):
        folder = tmp_path / "songs" / name
        folder.mkdir(parents=True)
        write(folder / "drums.wav", 0.02 * thump(KICKS_S), RATE)
        t = np.arange(6 * RATE) / RATE
        for part, hz, gain in (("bass", 110, 0.5), ("flute", 880, 0.01)):
            write(folder / f"{part}.wav", (gain * np.sin(2 * np.pi * hz * t)).astype(np.float32), RATE)
        rows += [f"{name}/{part}.wav,raw_track,{part}" for part in ("drums", "bass", "flute")]
        (folder / "drums_class.txt").write_text("".join(f"{t:.3f}\tKD\n" for t in KICKS_S) + "0.1\tTMB\n")
    (tmp_path / "songs" / "index.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "songs"


def test_parts_are_made_equally_loud(songs: Path) -> None:
    one = next(read_songs(songs))
    assert integrated_lufs(one.drums, RATE) == pytest.approx(-23, abs=0.2)
    assert integrated_lufs(one.rest, RATE) == pytest.approx(-23, abs=0.2)
    np.testing.assert_allclose(one.mix(6.0) - one.drums, one.rest * 10 ** (-6 / 20), atol=1e-6)
    spectrum = np.abs(np.fft.rfft(one.rest))
    # Equal loudness, not equal amplitude: K-weighting hears the flute a little more.
    assert 0.4 < spectrum[880 * 6] / spectrum[110 * 6] < 1.1
    assert one.times["kick"].tolist() == KICKS_S.tolist()
    assert one.times["tom"].size == 0


def test_a_folder_without_songs_says_so(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("path,kind,label\na.wav,music,x\n")
    with pytest.raises(InputError, match="no annotated songs"):
        list(read_songs(tmp_path))


def test_flux_finds_kicks_at_any_level() -> None:
    for gain in (1.0, 0.01):
        found = pick(flux(gain * thump(KICKS_S))["kick"], FLUX_THRESHOLDS["kick"])
        assert len(found) == len(KICKS_S)
        assert np.abs(found - KICKS_S).max() < 0.03


def test_a_report_counts_what_was_found(songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = DrumsRecipe(network=NetworkRecipe(channels=(4, 4, 4, 4), width=8))
    ears = Ears(build(recipe), recipe, "f" * 64)
    # Every other kick 40 ms late, and a snare that is not there.
    heard = {"kick": KICKS_S + np.tile([0.0, 0.04], 5), "snare": np.array([1.0])}
    monkeypatch.setattr(module, "_ours", lambda *_: heard)
    scores = evaluate(ears, songs, tmp_path / "out", baselines=False)
    figure = {(line.table, line.name): line.value for line in scores.lines}
    assert figure["Five classes", "drums alone, micro @50 ms"].value == pytest.approx(2 * 10 / (10 + 11))
    assert figure["Five classes", "mix, micro @20 ms"].value == pytest.approx(2 * 5 / (10 + 11))
    assert figure["Five classes", "mix, micro @20 ms"].low == pytest.approx(
        2 * 5 / (10 + 11)
    )  # songs are alike
    assert figure["Each class at 50 ms, mix", "kick"].value == 1
    assert figure["Median of the songs' median offset, ms", "mix"].value == pytest.approx(20)
    assert json.loads((tmp_path / "out" / "scores.json").read_text())["songs"] == ["One", "Two"]
    assert "Each song at 50 ms" in (tmp_path / "out" / "scores.md").read_text()
    assert (tmp_path / "out" / "index.html").is_file()


def test_labels_and_strengths_are_matched_one_to_one() -> None:
    onsets = np.arange(30) / 2
    velocity = np.linspace(0.1, 1, 30)
    hits = [
        DrumHit(onset_s=time + 0.01, label="snare", velocity=v**2)
        for time, v in zip(onsets, velocity, strict=False)
    ]
    hits += [DrumHit(onset_s=time, label="tom_low") for time in onsets[:3]]
    tally = Tally()
    tally.add({"snare": np.stack([onsets, velocity], axis=1), "kick": onsets[:2]}, hits)
    found = tally.figures()
    assert (found["snare"].f, found["snare"].velocity, found["snare"].velocity_n) == (1, 1, 30)
    assert (found["kick"].n, found["kick"].recall, found["tom_low"].precision) == (2, 0, 0)
    assert found["kick"].velocity is None  # nobody told how hard
    assert set(found) == {"snare", "kick", "tom_low"}


def test_a_stream_is_heard_as_the_whole(flux_ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    tally = StreamTally(flux_ears, chunk_s=0.5)
    audio = thump(KICKS_S)  # a kick at every edge
    tally.add(audio, [KICKS_S, *[np.empty(0)] * 5])
    found = tally.figures()
    assert (found.n_near, found.n_away, found.hits_that_differ) == (len(KICKS_S), 0, 0)
    assert found.hits >= len(KICKS_S)
    assert found.recall_near["stream"] == found.recall_near["whole"] == 1
    monkeypatch.setattr(flux_ears, "listen", lambda _: iter(()))
    broken = StreamTally(flux_ears, chunk_s=0.5)
    broken.add(audio, [KICKS_S])
    assert broken.figures().hits_that_differ == found.hits
    assert broken.figures().recall_near["stream"] == 0


def test_held_out_renders_and_int8_are_reported(
    songs: Path, drum_kits: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = DrumsRecipe(network=NetworkRecipe(channels=(4, 4, 4, 4), width=16))
    torch.manual_seed(0)
    facts = {
        "kind": KIND,
        "recipe": recipe.to_dict(),
        "decision": DecodeRule(frame_rate_hz=recipe.front_end.frame_rate_hz).to_dict(),
    }
    save_model(tmp_path / "drums.safetensors", build(recipe).state_dict(), facts)
    for place in ("One", "Two"):
        (songs / place / "drums_subclass.txt").write_text(
            "".join(f"{t:.3f}\tKD\n" for t in KICKS_S) + "1\tRDB\n"
        )
    monkeypatch.setattr(module, "card", lambda *_: "a card")
    ears = Ears.load(tmp_path / "drums.safetensors")
    scores = evaluate(ears, songs, tmp_path / "out", baselines=False, prepared=drum_kits.folder, scenes=2)
    assert scores.size_mb["int8"] < 0.6 * scores.size_mb["float32"]
    small = Ears.load(tmp_path / "out" / "drums.int8.safetensors")
    there, here = ears.curves(thump(KICKS_S)).onset, small.curves(thump(KICKS_S)).onset
    assert 0 < np.abs(there - here).max() < 0.05
    assert {line.method for line in scores.lines} == {"tonewheel", "int8"}
    assert (scores.labels["mix"]["kick"].n, scores.labels["mix"]["ride"].n) == (2 * len(KICKS_S), 2)
    assert scores.renders is not None
    assert scores.renders.streaming.hits_that_differ == 0
    assert sum(one.n for one in scores.renders.labels.values()) > 20
    text = (tmp_path / "out" / "scores.md").read_text()
    for told in (
        "velocity, Spearman",
        "recall in chunks of 0.5 s",
        "F, int8",
        "Twelve labels at 50 ms, mix",
        "| int8 |",
    ):
        assert told in text
