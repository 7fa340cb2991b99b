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
from tonewheel.systems.stems.flywheel.edit import corrected, moved, region_sdr_db
from tonewheel.systems.stems.flywheel.join import CalibratedMasker, calibrate, read_calibration, voted
from tonewheel.systems.stems.flywheel.person import corrections
from tonewheel.systems.stems.flywheel.population import population
from tonewheel.systems.stems.flywheel.sanitized import SanitizedCorrection

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


def vote(stem: int = 0, kind: int = 0, strength: float = 0.5) -> SanitizedCorrection:
    return SanitizedCorrection(
        stem=stem, kind=kind, low_hz=200, high_hz=800, start=0, end=1, strength=strength
    )


def test_gains_are_medians_of_sounds_that_agree() -> None:
    table, counts = voted([(f"song {n}", [vote(strength=0.1 * n)]) for n in range(1, 8)])
    assert table[0, 5:11].tolist() == pytest.approx([4.8] * 6)  # 0.4 of 12 dB, the middle one
    assert np.count_nonzero(table) == 6
    assert counts.max() == 7
    # Four are too few, and one sound that votes a hundred times is one.
    assert not voted([(f"song {n}", [vote()]) for n in range(4)])[0].any()
    assert not voted([("song", [vote()])] * 100)[0].any()
    # Without agreement there is no gain.
    assert not voted([(f"song {n}", [vote(kind=n % 2)]) for n in range(10)])[0].any()
    # Liars who are fewer cannot turn it.
    mixed = voted(
        [(f"song {n}", [vote(kind=int(n >= 16), strength=0.5 if n < 16 else 1.0)]) for n in range(20)]
    )[0]
    assert mixed[0, 7] == pytest.approx(6.0)


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
