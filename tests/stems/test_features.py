"""Features of a snapshot: physics of known sounds, independence of how a sound was cut, fixed lengths on anything."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.manifest.stem_snapshot import BEACON_BYTES, FAMILIES, PITCHES
from tonewheel.manifest.stem_snapshot_check import parse_snapshot
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.systems.stems.features.context import musical_context
from tonewheel.systems.stems.features.families import LAGS_S, LENGTHS, snapshot_features
from tonewheel.systems.stems.features.frames import BANDS, EDGES_HZ, band_sums, bin_frequencies_hz
from tonewheel.systems.stems.features.listen import Listener, listen
from tonewheel.systems.stems.features.snapshot import make_snapshot
from tonewheel.systems.stems.features.stem_vector import SHARES, TIMES, stem_features

RATE = 44_100
Audio = NDArray[np.float64]


def tone(hz: float, seconds: float = 2.0, amplitude: float = 0.5, rate: int = RATE) -> Audio:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def noise(seconds: float = 2.0, seed: int = 0) -> Audio:
    return 0.1 * generator(seed, "noise").normal(size=round(seconds * RATE))


def band_of(hz: float) -> int:
    return int(np.searchsorted(EDGES_HZ, hz, side="right")) - 1


@pytest.mark.parametrize("hz", [45.0, 100.0, 440.0, 3000.0, 14000.0])
@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000, 96_000])
def test_a_tone_has_its_level_in_its_band_at_any_rate(hz: float, rate: int) -> None:
    heard = listen(tone(hz, rate=rate), rate)
    found = heard.left
    assert int(found.argmax()) == band_of(hz)
    # A sine of amplitude 0.5 has a mean square of 1 / 8.
    assert found.sum() == pytest.approx(0.125, rel=0.02)


def test_bins_are_counted_once_and_noise_keeps_its_power() -> None:
    bins_hz = bin_frequencies_hz(RATE)
    inside = (bins_hz >= EDGES_HZ[0]) & (bins_hz < EDGES_HZ[-1])
    assert band_sums(np.ones(len(bins_hz)), RATE).sum() == inside.sum()
    heard = listen(noise(10.0), RATE)
    assert heard.power.mean() == pytest.approx(0.01, rel=0.02)


def test_where_a_sound_stands() -> None:
    left = np.stack([noise(), np.zeros(2 * RATE)])
    both = np.stack([noise(), noise()])
    side = np.stack([noise(), -noise()])
    apart = np.stack([noise(), noise(seed=1)])
    told = [np.array(snapshot_features(sound, RATE).stereo[72:]) for sound in (left, both, side, apart)]
    #                                        side, balance, correlation
    np.testing.assert_allclose(told[0], [0.5, -1.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(told[1], [0.0, 0.0, 1.0], atol=1e-9)
    np.testing.assert_allclose(told[2], [1.0, 0.0, -1.0], atol=1e-9)
    np.testing.assert_allclose(told[3], [0.5, 0.0, 0.0], atol=0.03)


def test_rises_repeat_at_the_distance_of_the_clicks() -> None:
    clicks = np.zeros(10 * RATE)
    clicks[:: RATE // 2] = 0.9
    clicks = np.convolve(clicks, np.exp(-np.arange(2000) / 300))[: 10 * RATE]
    temporal = np.array(snapshot_features(clicks, RATE).temporal)
    found_s = LAGS_S[int(temporal[:48].argmax())]
    assert any(found_s == pytest.approx(lag_s, rel=0.05) for lag_s in (0.5, 1.0, 1.5, 2.0))
    context = musical_context(listen(clicks, RATE))
    assert context.bpm == pytest.approx(120, abs=2)
    assert len(context.transients) == pytest.approx(20, abs=2)
    gaps = np.diff([one.time_s for one in context.transients])
    np.testing.assert_allclose(gaps, 0.5, atol=0.03)


def test_held_tones_are_sustained_and_clicks_are_not() -> None:
    held = snapshot_features(tone(440.0), RATE).harmonic
    struck = np.zeros(2 * RATE)
    struck[:: RATE // 4] = 0.9
    assert held[24 + band_of(440.0)] > 0.99
    assert max(snapshot_features(struck, RATE).harmonic[24:48]) < 0.6


@pytest.mark.parametrize(("hz", "place"), [(261.63, 0), (440.0, 9), (466.16, 10), (1046.5, 0)])
def test_pitch_classes_count_from_c(hz: float, place: int) -> None:
    chroma = np.array(snapshot_features(tone(hz), RATE).harmonic[:12])
    assert int(chroma.argmax()) == place
    assert chroma.sum() == pytest.approx(1.0)


def test_ten_decibels_are_a_twelfth_of_the_level() -> None:
    loud, soft = (snapshot_features(gain * noise(), RATE).energy[41] for gain in (1.0, 10**-0.5))
    assert loud - soft == pytest.approx(10 / 120)


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 3 * RATE), max_size=6))
def test_it_does_not_matter_how_a_sound_was_cut(cuts: list[int]) -> None:
    sound = np.stack([noise(3.0), noise(3.0, seed=2) + tone(220.0, 3.0)])
    listener = Listener(RATE)
    for piece in np.split(sound, sorted(cuts), axis=1):
        listener.push(piece)
    for one, other in zip(listener.finish(), listen(sound, RATE), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    samples=st.integers(0, 12_000),
    channels=st.integers(1, 3),
    rate=st.sampled_from([8000, 22_050, 44_100, 192_000]),
    kind=st.sampled_from(["silence", "noise", "constant", "spike", "huge", "tiny"]),
)
def test_any_sound_gives_finite_numbers_of_the_same_count(
    samples: int, channels: int, rate: int, kind: str
) -> None:
    sound = np.zeros((channels, samples))
    if kind == "noise":
        sound = generator(samples).normal(size=sound.shape)
    elif kind in ("constant", "huge", "tiny"):
        sound += {"constant": 0.5, "huge": 1e6, "tiny": 1e-30}[kind]
    elif samples:
        sound[:, samples // 2] = 1.0
    heard = listen(sound, rate)
    features = snapshot_features(sound, rate)
    for name in FAMILIES:
        values = np.array(getattr(features, name))
        assert len(values) == LENGTHS[name]
        assert np.isfinite(values).all()
    musical_context(heard)


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(InputError, match="finite"):
        snapshot_features(np.array([0.0, np.nan]), RATE)
    with pytest.raises(InputError, match="sample rate"):
        snapshot_features(np.zeros(10), 10)


def test_shares_of_the_stems_sum_to_one_where_there_is_sound() -> None:
    stems = np.zeros((6, 2, 2 * RATE))
    stems[0], stems[1], stems[2, :, RATE:] = tone(440.0), noise(), tone(80.0)[RATE:]
    vectors = stem_features(stems, RATE)
    np.testing.assert_allclose(vectors[:, SHARES].sum(axis=0), 1.0)
    np.testing.assert_allclose(vectors[:, TIMES].sum(axis=0), 1.0)
    assert vectors[0, band_of(440.0)] > 0.95
    assert vectors[1, band_of(3000.0)] == pytest.approx(1.0, abs=1e-5)
    # The bass comes in half-way.
    assert vectors[2, TIMES][:7].max() < 0.01 < vectors[2, TIMES][9:].min()
    assert not stem_features(np.zeros((6, RATE)), RATE)[:, : BANDS * 2].any()


def test_an_independent_spectrum_agrees() -> None:
    from scipy.signal import welch

    sound = noise(20.0)
    frequency_hz, density = welch(sound, RATE, "hann", 4096, 3072, detrend=False, scaling="density")
    expected = band_sums(density, RATE) * frequency_hz[1]
    np.testing.assert_allclose(listen(sound, RATE).left, expected, rtol=1e-9)


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("tonic", range(12))
def test_a_cadence_tells_its_key(tonic: int, mode: str) -> None:
    third, fourths_third = (4, 9) if mode == "major" else (3, 8)
    chords = [
        (0, third, 7),
        (5, fourths_third, 12),
        (7, 11 if mode == "major" else 10, 14),
        (0, third, 7, 12),
    ]
    sound = np.concatenate(
        [sum(tone(220 * 2 ** ((tonic + step) / 12), 1.0, 0.1) for step in one) for one in chords]
    )
    context = musical_context(listen(sound, RATE))
    assert (context.key, context.mode) == (PITCHES[(tonic + 9) % 12], mode)
    assert context.harmonic_content.tension < 0.1


def test_noise_is_tense_and_silence_has_no_context() -> None:
    assert musical_context(listen(noise(), RATE)).harmonic_content.tension > 0.7
    silence = musical_context(listen(np.zeros(RATE), RATE))
    assert (silence.mode, silence.bpm, silence.transients) == (None, None, ())
    assert silence.harmonic_content.dominant_frequencies_hz == ()


def test_the_tempo_of_synthesised_songs() -> None:
    right = 0
    for seed in range(3):
        song = compose(seed, seconds=12.0)
        bpm = musical_context(listen(render(song, 16_000).mix, 16_000)).bpm
        assert bpm is not None
        octaves = np.log2(bpm / song.tempo_bpm)
        right += abs(octaves - round(octaves)) < 0.06
    assert right == 3


def test_a_snapshot_of_a_separation_passes_the_door_and_fits_into_a_beacon() -> None:
    song = render(compose(3, seconds=8.0), 22_050, channels=2)
    sounds = [*song.stems.values(), *[np.zeros_like(song.mix)] * 6][:6]
    made = make_snapshot(
        listen(song.mix, 22_050),
        duration_s=30.0,
        channels=2,
        processing_ms=812.34567,
        stems=[listen(sound, 22_050) for sound in sounds],
        trusted=("vocals", "drums", "bass", "harmonic", "perc", "sub"),
    )
    body = made.to_json().encode()
    assert len(body) < BEACON_BYTES
    assert parse_snapshot(body) == made
    assert json.loads(body)["quantumFeatures"].keys() == set(FAMILIES)
