"""The benchmark: the same for everyone, damaged as the protocol says, and its oracle better than any rival."""

from __future__ import annotations

import numpy as np
import pytest

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.metrics.si_sdr import si_sdr
from tonewheel.systems.restore.baselines import base, chains, ffmpeg, oracle, sox
from tonewheel.systems.restore.benchmark import (
    BAND_HZ,
    CASES,
    RMS,
    SAMPLE_RATE_HZ,
    Item,
    band_limited,
    case,
    damage,
    items,
)
from tonewheel.systems.restore.prepare import Prepared


@pytest.fixture(scope="module")
def clicked(prepared: Prepared) -> Item:
    return next(items(prepared, "valid", case("clicks")))


def test_it_is_the_same_for_the_same_seed(prepared: Prepared, clicked: Item) -> None:
    again = next(items(prepared, "valid", case("clicks")))
    assert (again.damaged == clicked.damaged).all()
    other = next(items(prepared, "valid", case("clicks"), seed=1))
    assert (other.damaged != clicked.damaged).any()


def test_music_has_the_level_and_band_of_the_protocol(clicked: Item) -> None:
    assert np.sqrt(np.mean(clicked.clean**2)) == pytest.approx(RMS, rel=1e-3)
    spectrum = np.abs(np.fft.rfft(clicked.clean)) ** 2
    hertz = np.fft.rfftfreq(clicked.clean.size, 1 / SAMPLE_RATE_HZ)
    outside = (hertz < BAND_HZ[0] * 0.7) | (hertz > BAND_HZ[1] * 1.3)
    assert spectrum[outside].sum() < 1e-5 * spectrum.sum()


def test_impulses_have_the_rates_widths_and_sizes_of_the_protocol() -> None:
    minute = damage(np.zeros(60 * SAMPLE_RATE_HZ, np.float32), case("clicks"), np.random.default_rng(0))
    assert 13 < len(minute.clicks.starts_s) / 60 < 17
    assert 0.28 < np.median(minute.clicks.peaks) < 0.42
    crackle = minute.impulses.peaks < 0.06
    assert 90 < crackle.sum() / 60 < 130
    assert (minute.damaged[~minute.hit] == 0).all()
    hit = np.flatnonzero(np.diff(np.concatenate(([0], minute.hit.astype(int), [0]))))
    assert (hit[1::2] - hit[::2]).max() <= 60 + 12 + 60
    assert minute.impulses.starts_s[0] * SAMPLE_RATE_HZ == pytest.approx(hit[0])


@pytest.mark.parametrize("snr_db", [20.0, 10.0])
def test_hiss_has_its_ratio(prepared: Prepared, snr_db: float) -> None:
    item = next(items(prepared, "valid", case(f"hiss{snr_db:g}")))
    noise = (item.damaged - item.clean)[~item.hit]
    assert 20 * np.log10(RMS / noise.std()) == pytest.approx(snr_db, abs=0.3)


def test_clean_cases_are_clean(prepared: Prepared) -> None:
    for one in CASES:
        if not one.clicks:
            for item in items(prepared, "test", one):
                assert (item.damaged == item.clean).all()
                assert item.impulses.starts_s.size == 0


def test_clips_are_taken_in_turn_from_every_group(prepared: Prepared) -> None:
    assert [item.title for item in items(prepared, "test", case("clean"), clips=1)] == ["Song 4"]
    with pytest.raises(InputError, match="hiss20"):
        case("hiss2")


def test_the_oracle_is_far_better_than_nothing(prepared: Prepared, clicked: Item) -> None:
    before = float(si_sdr(clicked.clean, clicked.damaged))
    best = oracle.cleaned(clicked)
    assert (best[~clicked.hit] == clicked.damaged[~clicked.hit]).all()
    reached = float(si_sdr(clicked.clean, best))
    assert reached > before + 5
    adeclick = ffmpeg.adeclick()
    if adeclick.available:
        assert (
            float(si_sdr(clicked.clean, adeclick.process(clicked.damaged, SAMPLE_RATE_HZ, clicked.damaged)))
            > before + 3
        )
    hissing = next(items(prepared, "valid", case("hiss10")))
    assert si_sdr(hissing.clean, oracle.cleaned(hissing)) > si_sdr(hissing.clean, hissing.damaged) + 4


@pytest.mark.skipif(not ffmpeg.adeclick().available, reason="ffmpeg is not installed")
@pytest.mark.parametrize("rate", [SAMPLE_RATE_HZ, 48_000])
def test_ffmpeg_gives_sound_back_in_its_place(rate: int) -> None:
    music = band_limited(
        np.random.default_rng(0).standard_normal(3 * rate).astype(np.float32), rate, (200, 4000)
    )
    music *= np.float32(0.2) * (1 + np.sin(np.arange(3 * rate) / rate * 9)).astype(np.float32)
    loud = 0.5 * music / np.abs(music).max()
    out = ffmpeg.adeclick_afftdn("", "nr=6").process(loud, rate, loud)
    assert out.shape == loud.shape
    lags = [float(si_sdr(loud[100:-100], np.roll(out, shift)[100:-100])) for shift in range(-3, 4)]
    assert int(np.argmax(lags)) == 3, "the delay is compensated to the sample"


@pytest.mark.skipif(not sox.noisered(0.2).available, reason="sox is not installed")
def test_sox_keeps_length_place_and_loud_clicks(clicked: Item) -> None:
    out = sox.noisered(0.01).process(clicked.damaged, SAMPLE_RATE_HZ, clicked.damaged - clicked.clean)
    assert out.shape == clicked.damaged.shape
    lags = [float(si_sdr(clicked.damaged[100:-100], np.roll(out, k)[100:-100])) for k in range(-3, 4)]
    assert int(np.argmax(lags)) == 3
    assert np.abs(out).max() > 1
    assert np.abs(clicked.damaged).max() > 1, "the case must hold what would be clipped"


def test_a_program_that_is_missing_or_fails_is_told() -> None:
    missing = base.Baseline("x", lambda audio, _rate, _groove: audio, "no-such-program")
    assert not missing.available
    with pytest.raises(TonewheelError, match="no-such-program"):
        base.piped(["no-such-program"], b"")
    if ffmpeg.adeclick().available:
        with pytest.raises(TonewheelError, match="ffmpeg"):
            ffmpeg.filtered(np.zeros(100, np.float32), 44_100, "adeklick")
    assert chains.baselines("hiss10")[0].name == "do nothing"
