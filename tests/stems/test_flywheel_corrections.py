"""Corrections carried out on sound by simulated people, and the gains they become: that each can say no."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.manifest.stem_snapshot import Correction
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.baselines.share import EqualShares
from tonewheel.systems.stems.flywheel.edit import corrected, moved, region_sdr_db, regions_sdr_db
from tonewheel.systems.stems.flywheel.join import CalibratedMasker, calibrate, read_calibration
from tonewheel.systems.stems.flywheel.person import corrections
from tonewheel.systems.stems.flywheel.population import population
from tonewheel.systems.stems.flywheel.sanitized import SanitizedCorrection
from tonewheel.systems.stems.flywheel.votes import Ballot, ballots_of, gains, stakes, votes

DataSet = Callable[..., Path]
RATE = 44_100


def bursts(rng: np.random.Generator, seconds: float = 6.0) -> np.ndarray[Any, Any]:
    """Six stems of filtered noise that comes and goes, (6, 2, samples)."""
    n = round(seconds * RATE)
    frequency_hz = np.fft.rfftfreq(n, 1 / RATE)
    stems = []
    for centre_hz in (600.0, 3000.0, 120.0, 1200.0, 7000.0, 45.0):
        shape = np.exp(-(np.log2(np.maximum(frequency_hz, 1.0) / centre_hz) ** 2))
        sound = np.fft.irfft(np.fft.rfft(rng.normal(size=(2, n))) * shape, n)
        gates = np.repeat(rng.random(12) < 0.6, n // 12)
        stems.append(0.1 * sound / sound.std() * np.pad(gates, (0, n - len(gates))))
    return np.array(stems, np.float32)


def leaking(stems: np.ndarray[Any, Any], share: float = 0.5) -> np.ndarray[Any, Any]:
    """A separation in which half of the voice is in the harmonic stem."""
    out = stems.copy()
    out[0] -= share * stems[0]
    out[3] += share * stems[0]
    return out


def test_a_correction_makes_its_region_better_and_leaves_the_rest_alone() -> None:
    truth = bursts(generator(5))
    separated = leaking(truth)
    made = corrections(truth, separated, RATE, generator(6))
    assert made
    assert {one.stem for one in made} <= {"vocals", "harmonic"}
    better = corrected(separated, made, RATE)
    np.testing.assert_allclose(better.sum(0), separated.sum(0), atol=1e-5)
    for one in made[:2]:
        row = STEMS.index(one.stem)
        before, after = (region_sdr_db(truth[row], sound[row], one, RATE) for sound in (separated, better))
        assert after > before + 0.5
    assert one.time_s is not None
    untouched = [
        block for block in range(2) if not any(c.time_s == (3.0 * block, 3.0 * block + 3.0) for c in made)
    ]
    for block in untouched:
        inside = slice(round((3 * block + 0.2) * RATE), round((3 * block + 2.8) * RATE))
        np.testing.assert_allclose(better[..., inside], separated[..., inside], atol=1e-5)


def test_a_person_may_set_faders_for_the_whole_sound() -> None:
    truth = bursts(generator(7))
    separated = leaking(truth)
    made = corrections(truth, separated, RATE, generator(8), 8, block_s=None)
    assert made
    assert all(one.time_s is None for one in made)
    better = corrected(separated, made, RATE)
    names = [dict(zip(STEMS, sound, strict=True)) for sound in (truth, separated, better)]
    before, after = (regions_sdr_db(names[0], sound, made, RATE) for sound in names[1:])
    assert after > before + 0.5
    one = made[0]
    row = STEMS.index(one.stem)
    alone = region_sdr_db(truth[row], separated[row], one, RATE)
    assert regions_sdr_db(names[0], names[1], [one], RATE) == pytest.approx(alone)


@pytest.mark.parametrize("kind", ["boost", "cut", "isolation", "masking"])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_shares_stay_shares_whatever_is_corrected(kind: Any, strength: float) -> None:
    shares = torch.softmax(3 * torch.randn(6, 50), 0)
    shares[:, 0] = torch.eye(6)[2]
    found = moved(shares, 2, kind, strength)
    assert float(found.min()) >= 0
    torch.testing.assert_close(found.sum(0), torch.ones(50))
    change = (found[2] - shares[2])[1:] * (1 if kind in ("boost", "isolation") else -1)
    assert float(change.min()) > -1e-5
    if strength == 0:
        torch.testing.assert_close(found, shares, rtol=1e-4, atol=1e-5)
    if (kind, strength) != ("isolation", 1.0):  # the others keep their proportions
        others = [row for row in range(6) if row != 2]
        before, after = (values[others, 1:] / values[others, 1:].sum(0) for values in (shares, found))
        torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-4)


def vote(stem: int = 0, kind: int = 0, strength: float = 0.5, end: float = 1.0) -> SanitizedCorrection:
    return SanitizedCorrection(
        stem=stem, kind=kind, low_hz=200, high_hz=800, start=0, end=end, strength=strength
    )


def ballot(source: str, *made: SanitizedCorrection, stake: float = 0.1) -> Ballot:
    return Ballot(source, votes(made), np.full((6, 24), stake))


def test_gains_are_means_of_what_sounds_say() -> None:
    rng = generator(0, "votes")
    table, counts = gains(
        ballot(f"song {n}", vote(strength=0.5 + 0.05 * rng.standard_normal())) for n in range(12)
    )
    assert table[0, 5:11].tolist() == pytest.approx([6.0] * 6, abs=0.4)
    assert np.count_nonzero(table) == 6
    assert counts.max() == 12
    # Four are too few, and one sound that votes a hundred times is one.
    assert not gains(ballot(f"song {n}", vote()) for n in range(4))[0].any()
    assert not gains([ballot("song", vote())] * 100)[0].any()
    # Those who correct nothing say something, too; a correction of a quarter of the time is a quarter of one.
    few = gains(ballot(f"song {n}", *([vote()] if n < 10 else [])) for n in range(20))[0]
    assert 1.5 < few[0, 7] < 3.0
    short = gains(ballot(f"song {n}", vote(end=0.25)) for n in range(20))[0]
    assert short[0, 7] == pytest.approx(1.5)
    # Who does not agree makes no gain, or a small one.
    assert abs(gains(ballot(f"song {n}", vote(kind=n % 2)) for n in range(20))[0]).max() < 1.0


def test_a_vote_counts_by_what_is_at_stake_and_within_bounds() -> None:
    quiet = [ballot(f"quiet {n}", vote(kind=0), stake=0.02) for n in range(20)]
    loud = [ballot(f"loud {n}", vote(kind=1), stake=0.2) for n in range(15)]
    assert gains([*quiet, *loud])[0][0, 7] < -1.0, "more people said louder, where next to nothing was"
    honest = [ballot(f"song {n}", vote()) for n in range(30)]
    liars = [ballot(f"liar {n}", vote(kind=1, strength=1.0), stake=1.0) for n in range(4)]
    assert gains([*honest, *liars])[0][0, 7] >= 0, (
        "a tenth of liars, who say that all is at stake, turn nothing"
    )


def test_stakes_are_of_what_was_before_the_correction(tmp_path: Path, data_set: DataSet) -> None:
    shares = np.full((6, 24), 1 / 6)
    cut = votes([vote(kind=1)])
    before = stakes(np.ones(24), shares, cut)
    assert before[0, 7] > 2 * before[0, 2], "half as loud as it was"
    assert before[0, 7] / before[1, 7] == pytest.approx(10**0.6 / (10**0.6 + 5) * 6, rel=1e-3)
    made = list(ballots_of(with_votes(data_set, tmp_path, "boost")))
    assert len(made) == 20
    for one in made:
        assert float(one.stakes.min()) >= 0
        assert 0.2 < float(one.stakes.sum()) < 1.5
        assert one.votes[0, 3:16].min() > 0


class Leaning:
    """A separator that knows the truth of a song, but for giving the voice too little."""

    reach = 0

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.truth: Tensor = torch.zeros(())

    def shares(self, spectrum: Tensor) -> Tensor:
        power = self.truth.abs().square()
        power[0] *= self.factor
        return power / power.sum(0).clamp_min(1e-12)


def songs(masker: Leaning, count: int = 6) -> Any:
    from tonewheel.systems.stems.spectra import analyse

    for number in range(count):
        stems = bursts(generator(number, "song"), 2.0)
        masker.truth = torch.view_as_complex(analyse(torch.from_numpy(stems)))
        yield f"song {number}", stems


def with_votes(data_set: DataSet, folder: Path, kind: Any) -> Path:
    cut = Correction(stem="vocals", kind=kind, strength=0.6, frequency_hz=(100.0, 3000.0))
    return data_set(
        folder, [msgspec.structs.replace(one, corrections=(cut,)) for one in population(20, seed=4)]
    )


def test_corrections_make_a_leaning_separator_better_on_other_songs(
    tmp_path: Path, data_set: DataSet
) -> None:
    masker = Leaning(0.1)
    found = calibrate(with_votes(data_set, tmp_path, "boost"), masker, songs(masker))
    assert found.strength > 0
    assert found.gain_db.low is not None
    assert found.gain_db.low > 0
    assert found.stems_db["vocals"] > 0.5
    (tmp_path / "gains.json").write_text(found.to_json())
    table = read_calibration(tmp_path / "gains.json").table_db
    shares = CalibratedMasker(EqualShares(), table).shares(torch.zeros(2, 2049, 1, 2))
    assert float(shares[0, 0, 50, 0]) > 1 / 6 > float(shares[3, 0, 50, 0])
    torch.testing.assert_close(shares.sum(0), torch.ones(1, 2049, 1))


def test_corrections_that_do_not_help_change_nothing(tmp_path: Path, data_set: DataSet) -> None:
    masker = Leaning(1.0)
    found = calibrate(with_votes(data_set, tmp_path, "cut"), masker, songs(masker))
    assert found.strength == 0.0
    assert not found.table_db.any()
    with pytest.raises(InputError, match="at least 4"):
        calibrate(tmp_path / "set", masker, songs(masker, 3))
