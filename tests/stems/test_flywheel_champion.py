"""Who replaces whom, and whether the world has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from tonewheel.core.seeds import generator
from tonewheel.systems.stems.flywheel.champion import contest, crown, gain_of, judge, rises_db
from tonewheel.systems.stems.flywheel.drift import drift
from tonewheel.systems.stems.flywheel.population import population
from tonewheel.systems.stems.flywheel.train import FILE

DataSet = Callable[..., Path]


def test_a_first_champion_has_to_know_something(snapshots: Path, trained: Path, tmp_path: Path) -> None:
    result = contest(snapshots, trained, None)
    assert "mean" in result.champion
    assert result.gain.value > 0
    # Itself against itself is no gain.
    crown(msgspec.structs.replace(result, won=True), trained, snapshots, tmp_path)
    again = contest(snapshots, trained, tmp_path / FILE)
    assert not again.won
    assert again.gain.value == 0
    before = (tmp_path / FILE).read_bytes()
    assert not crown(again, trained, snapshots, tmp_path)
    assert (tmp_path / FILE).read_bytes() == before
    events = [json.loads(line)["event"] for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert events == ["crowned", "refused"]


def test_a_challenger_that_is_better_but_for_one_stem_is_refused() -> None:
    rng = generator(0)
    old = rng.uniform(0.9, 1.1, (60, 6))
    new = old * 0.5
    sources = [str(number) for number in range(60)]
    assert all(one.passed for one in judge(gain_of(old, new, sources), rises_db(old, new)))
    new[:, 4] = old[:, 4] * 1.06  # 0.25 dB
    verdicts = judge(gain_of(old, new, sources), rises_db(old, new))
    assert [one.passed for one in verdicts] == [True, False]
    assert "perc" in verdicts[1].detail
    # By chance better: the lower bound is what counts.
    luck = old + np.where(np.arange(60) % 2, 0.1, -0.101)[:, None]
    assert np.mean(luck) < np.mean(old)
    assert not judge(gain_of(old, luck, sources), {})[0].passed
    # One sound a hundred times is one sound.
    assert gain_of(old, old * 0.5, ["the same"] * 60).low is None


def test_drift_is_seen_and_more_of_the_same_is_not(
    snapshots: Path, tmp_path: Path, data_set: DataSet
) -> None:
    same = data_set(tmp_path, list(population(100, seed=11)), "same")
    brighter = data_set(tmp_path, list(population(100, seed=12, shift_db=12.0)), "brighter")
    assert drift(snapshots, same).passed
    found = drift(snapshots, brighter)
    assert not found.passed
    assert "spectral" in found.findings[0].path
