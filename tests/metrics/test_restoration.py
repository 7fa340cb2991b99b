"""SI-SDR, log-spectral distance, impulses, transients and what was removed, against independent computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.metrics import impulses, log_spectral, removed, si_sdr, transients

RATE = 16_000


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def test_si_sdr_equals_torchmetrics() -> None:
    import torch
    from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

    clean = noise(0, 2, 4000) + 0.3
    found = 0.6 * clean + 0.2 * noise(1, 2, 4000)
    theirs = scale_invariant_signal_distortion_ratio(torch.tensor(found), torch.tensor(clean))
    assert si_sdr.si_sdr(clean, found) == pytest.approx(theirs.numpy(), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.floats(-60, 60), st.integers(0, 1000), st.booleans())
def test_si_sdr_sees_the_noise_and_neither_level_nor_polarity(snr_db: float, seed: int, turned: bool) -> None:
    clean, error = noise(seed, 512), noise(seed + 1, 512)
    error -= clean * (error @ clean) / (clean @ clean)
    error *= math.sqrt(clean @ clean / (error @ error)) * 10 ** (-snr_db / 20)
    found = (clean + error) * (-0.3 if turned else 3.0)
    assert float(si_sdr.si_sdr(clean, found)) == pytest.approx(snr_db, abs=1e-6)
    assert si_sdr.evaluate(clean, found)["polarity"] == (-1 if turned else 1)


def test_a_copy_is_infinitely_good_and_silence_infinitely_bad() -> None:
    clean = noise(0, 100)
    assert si_sdr.si_sdr(clean, clean) == math.inf
    assert float(si_sdr.si_sdr(clean, 0 * clean)) == -math.inf
    with pytest.raises(ValueError, match="silent"):
        si_sdr.si_sdr(0 * clean, clean)


def test_log_spectral_distance_equals_a_loop_over_frames() -> None:
    clean, found = noise(0, 6000), noise(1, 6000)
    n_fft = 2 * round(0.046 * RATE / 2)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    spectra: list[list[np.ndarray]] = [[], []]
    for k, signal in enumerate((clean, found)):
        for first in range(0, 6000 - n_fft + 1, n_fft // 4):
            spectra[k].append(np.abs(np.fft.rfft(signal[first : first + n_fft] * window)) ** 2)
    floor = np.max(spectra[0]) * 1e-8
    loop = [
        math.sqrt(np.mean((10 * np.log10(np.maximum(a, floor)) - 10 * np.log10(np.maximum(b, floor))) ** 2))
        for a, b in zip(*spectra, strict=True)
    ]
    assert log_spectral.distances_db(clean, found, RATE) == pytest.approx(np.array(loop), rel=1e-4)


def test_a_floor_hides_what_is_far_below_and_a_band_what_is_outside() -> None:
    time_s = np.arange(RATE) / RATE
    clean = np.sin(2 * np.pi * 500 * time_s)
    hissing = clean + 1e-7 * noise(0, RATE)
    assert log_spectral.evaluate(clean, hissing, RATE)["lsd_db"] < 0.2
    whistling = clean + 0.1 * np.sin(2 * np.pi * 6000 * time_s)
    inside = log_spectral.distances_db(clean, whistling, RATE, band_hz=(100, 4000)).mean()
    assert inside < 0.5 < log_spectral.distances_db(clean, whistling, RATE).mean()


def test_overlapping_impulses_are_one() -> None:
    one = impulses.join([0.3, 0.1, 0.1001, 0.1002], [0.0, 0.005, 0.0, 0.01], [1, 2, 3, 4])
    assert one.starts_s.tolist() == [0.1, 0.3]
    assert one.widths_s == pytest.approx([0.0102, 0.0])
    assert one.peaks.tolist() == [4, 1]
    assert impulses.join([], []).starts_s.shape == (0,)
    near = impulses.join([0.1, 0.1009, 0.2], [0.0, 0.0, 0.0], gap_s=0.001)
    assert near.starts_s.tolist() == [0.1, 0.2]
    assert impulses.evaluate([0.1, 0.1009], [0.0, 0.0], [0.1005])["recall"] == 1.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.05)), max_size=30))
def test_joined_impulses_cover_the_same_time_and_do_not_overlap(given: list[tuple[float, float]]) -> None:
    starts, widths = [s for s, _ in given], [w for _, w in given]
    one = impulses.join(starts, widths)
    ends = one.starts_s + one.widths_s
    assert (one.starts_s[1:] > ends[:-1]).all()
    for start, width in given:
        place = np.searchsorted(one.starts_s, start, side="right") - 1
        assert one.starts_s[place] <= start
        assert start + width <= ends[place] + 1e-12


def test_found_impulses_are_matched_one_to_one_within_a_millisecond() -> None:
    counts, found = impulses.detection([0.1, 0.2, 0.3], [0.1009, 0.2011, 0.3, 0.3001])
    assert (counts.matched, counts.reference, counts.estimate) == (2, 3, 4)
    assert found.tolist() == [True, False, True]


def test_removal_counts_impulses_whose_error_fell() -> None:
    clean, damaged = noise(0, RATE), noise(0, RATE)
    for first in (100, 500, 15_990):
        damaged[first : first + 10] += 2.0
    restored = damaged.copy()
    restored[100:110] = clean[100:110]
    restored[500:510] -= 0.5
    starts = np.array([100, 500, 15_990]) / RATE
    falls = impulses.falls_db(clean, damaged, restored, starts, np.full(3, 10 / RATE), RATE)
    assert falls[0] > 100
    assert falls[1:] == pytest.approx([20 * math.log10(2 / 1.5), 0])
    assert impulses.removal_rate(falls) == pytest.approx(1 / 3)
    assert math.isnan(impulses.removal_rate([]))


def test_a_missing_attack_is_seen_where_it_was() -> None:
    hits = np.zeros(RATE)
    for first in range(2000, RATE, 4000):
        hits[first : first + 200] = noise(first, 200) * np.exp(-np.arange(200) / 40)
    smeared = hits.copy()
    smeared[2000:2200] = 0.0
    found = transients.evaluate(hits, smeared, RATE)
    assert found["transients"] == 4
    assert found["worst"] == 0.0
    assert found["preservation"] == pytest.approx(0.75, abs=1e-3)
    assert transients.evaluate(hits, hits, RATE)["preservation"] == 1.0
    assert transients.evaluate(np.zeros(RATE), hits, RATE)["transients"] == 0


def test_removed_noise_is_not_musical_and_removed_music_is() -> None:
    time_s = np.arange(4 * RATE) / RATE
    music = np.sin(2 * np.pi * 440 * time_s) * (1 + np.sin(2 * np.pi * 1.5 * time_s)) + 0.01 * noise(
        1, 4 * RATE
    )
    hiss = 0.01 * noise(2, 4 * RATE)
    clicks = np.where(np.random.default_rng(3).random(4 * RATE) < 0.001, 0.5, 0.0)
    assert removed.evaluate(hiss, music, RATE)["musicality"] < 0.1
    assert removed.evaluate(clicks, music, RATE)["musicality"] < 0.1
    taken = removed.evaluate(0.1 * music, 0.9 * music, RATE)
    assert taken["musicality"] > 0.95
    assert taken["removed_db"] == pytest.approx(20 * math.log10(1 / 9), abs=0.01)
