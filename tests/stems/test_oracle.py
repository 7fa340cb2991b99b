"""The ideal mask is the best, baselines the least: by sounds that lie apart, and by songs that do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tonewheel.metrics.separation import global_sdr_db
from tonewheel.systems.stems.masker import NetMasker
from tonewheel.systems.stems.oracle import BANDS, true_shares
from tonewheel.systems.stems.references import Multitrack, multitracks
from tonewheel.systems.stems.rows import ROWS
from tonewheel.systems.stems.trials import FLOOR, ORACLE, OURS, ideal, methods

RATE = 44_100
FOUR = ("vocals", "drums", "bass", "other")


def song_of(frequencies_hz: tuple[float, ...]) -> Multitrack:
    """Stems that are one tone each, louder on one side than on the other."""
    t = np.arange(RATE) / RATE
    waves = [0.1 * np.sin(2 * np.pi * f * t) * np.array([[1.0], [0.5]]) for f in frequencies_hz]
    return Multitrack(
        "tones", "tones", {name: wave.astype(np.float32) for name, wave in zip(FOUR, waves, strict=True)}
    )


@pytest.mark.parametrize("resolution", ["bins", "rows", "bands"])
def test_stems_that_are_apart_in_frequency_are_recovered(resolution: str) -> None:
    song = song_of((300, 700, 2500, 9000))
    stems = ideal(resolution)(song, 4)  # type: ignore[arg-type]
    assert global_sdr_db(song.folded(4), stems).min() > 25
    np.testing.assert_allclose(stems.sum(axis=0), song.mix, atol=1e-5)


def test_coarser_masks_tell_less_apart() -> None:
    # 500 and 530 Hz: bins of 11 Hz tell them apart, mel bands of 70 Hz do not; 5000 and 5030: no row does.
    near, high = song_of((500, 530, 5000, 5030)).folded(4), {}
    for resolution in ("bins", "rows", "bands"):
        shares = ideal(resolution)(song_of((500, 530, 5000, 5030)), 4)  # type: ignore[arg-type]
        high[resolution] = global_sdr_db(near, shares)
    assert (high["bins"] > 20).all()
    assert high["rows"][0] > 20 > high["rows"][2]
    assert (high["bands"] < high["bins"] - 5).all()


def test_shares_are_shares() -> None:
    rng = np.random.default_rng(0)
    stems = rng.standard_normal((3, 2, 20_000))
    stems[:, :, 9000:16_000] = 0
    for resolution, most in (("bins", 2049), ("rows", ROWS), ("bands", BANDS)):
        shares = true_shares(stems, resolution)  # type: ignore[arg-type]
        assert float((shares.sum(0) - 1).abs().max()) < 1e-5
        assert float(shares.min()) >= 0
        assert len(np.unique(shares[0, 0, :, 3].numpy())) <= most
    np.testing.assert_allclose(true_shares(stems)[..., 12], 1 / 3)  # nobody sounds: all have the same


def test_every_method_lies_between_the_floor_and_the_oracle(songs: Path, masker: NetMasker) -> None:
    song = next(multitracks(songs))
    right = song.folded(4)
    found = {row.name: (global_sdr_db(right, row.process(song, 4)), row.claims) for row in methods(4, masker)}
    assert {FLOOR, OURS, ORACLE, "oracle, 64 bands", "low-pass", "HPSS"} == set(found)
    best, floor = found[ORACLE][0], found[FLOOR][0]
    assert (best > floor + 3).all()
    for name, (sdr, claims) in found.items():
        for at, stem in enumerate(FOUR):
            if stem in claims and name != ORACLE:
                assert sdr[at] < best[at], f"{name} on {stem} is better than the ideal mask"
    assert found["low-pass"][0][2] > floor[2] + 3
    assert found["HPSS"][0][1] > floor[1] + 3
    # mix / N is what its name says.
    np.testing.assert_allclose(
        methods(4, None)[0].process(song, 4), np.repeat(song.mix[None] / 4, 4, 0), atol=1e-6
    )
