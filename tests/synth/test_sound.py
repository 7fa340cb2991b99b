"""Physics of the rendering: pitch, onsets, tempo, key, levels and sums, measured on the sound itself."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import stft

from tonewheel.synth.compose import compose
from tonewheel.synth.drums import LABELS, Kit, draw_kit, one_shot
from tonewheel.synth.instruments import FAMILIES, Instrument, draw_instrument
from tonewheel.synth.render import render
from tonewheel.synth.song import DrumEvent, Song
from tonewheel.synth.voices import hertz, render_note

SR = 16000


def alone(song: Song, **changes: object) -> Song:
    """The song with some fields changed."""
    return Song.from_dict(song.to_dict() | changes)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a4_sounds_at_440_hz(family: str) -> None:
    for seed in range(2):
        instrument = draw_instrument(np.random.default_rng(seed), family)
        instrument = Instrument.from_dict(instrument.to_dict() | {"vibrato_cents": 0.0})
        note = render_note(instrument, 69, 1.5, 1, 0, SR).astype(np.float64)
        assert np.isfinite(note).all()
        assert len(note) == int(1.5 * SR)
        tail = note[SR // 4 : SR // 4 + SR] * np.hanning(SR)
        spectrum = np.abs(np.fft.rfft(tail, 4 * SR))
        frequency = np.arange(len(spectrum)) / 4
        peak = frequency[np.argmax(spectrum)]
        # the strongest partial is a harmonic of 440 Hz (organ stops sound an octave or a fifth round it too)
        ratio = peak / 440
        allowed = [0.5, 1, 1.5, *range(2, 12)] if family == "organ" else list(range(1, 12))
        if family == "bell":  # inharmonic by nature: the carrier must be there, within 20 dB of the strongest
            near = spectrum[(frequency > 436) & (frequency < 444)].max()
            assert near > 0.1 * spectrum.max()
        else:
            assert min(abs(np.log2(ratio / whole)) for whole in allowed) < 25 / 1200, (family, peak)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("kind", ["acoustic", "electronic", "chip"])
def test_a_drum_starts_at_once_dies_away_and_varies(label: str, kind: str) -> None:
    kit = draw_kit(np.random.default_rng(4), kind)
    hard, soft = one_shot(kit, label, 3, 0, SR), one_shot(kit, label, 0, 0, SR)
    power = hard.astype(np.float64) ** 2
    assert np.abs(hard).max() <= 1.0
    assert np.abs(soft).max() <= np.abs(hard).max()
    assert np.sqrt(power[: SR // 100].mean()) > 0.05 * np.abs(hard).max()
    assert power[-SR // 200 :].mean() < 0.05 * power[: SR // 50].mean()
    assert not np.array_equal(hard, one_shot(kit, label, 3, 1, SR))


def test_energy_rises_at_every_labelled_drum() -> None:
    """Each drum alone and dry: silent or dying before the label, loud within 10 ms after it."""
    full = compose(41, "rock", seconds=30.0)
    dry = full.to_dict()["mix"] | {"drums_reverb_db": -90.0, "compress_db": 0.0}
    checked = 0
    for label in sorted({event.label for event in full.drums}):
        hits = [event for event in full.drums if event.label == label]
        song = alone(full, parts=(), mix=dry, drums=[hit.to_dict() for hit in hits])
        power = render(song, SR).stems["drums"].astype(np.float64) ** 2
        for before, hit in pairwise([None, *hits]):
            assert hit is not None
            # a soft stroke on a ringing cymbal does not raise its level
            apart_s = 0.5 if label in ("ride", "crash", "hihat_open") else 0.06
            if (before is not None and hit.onset_s - before.onset_s < apart_s) or hit.velocity < 0.3:
                continue
            at = round(hit.onset_s * SR)
            assert power[at : at + 160].max() > 1.3 * power[max(0, at - 160) : at].max(initial=1e-12), hit
            first = np.argmax(power[at : at + 800] > 0.25 * power[at : at + 800].max())
            assert first < 160, hit
            checked += 1
    assert checked > 100


def _tempo(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Autocorrelation of the onset strength at lags of 10 ms."""
    _, _, spectrum = stft(sound, SR, nperseg=512, noverlap=512 - 160)
    level = np.log(np.abs(spectrum) + 1e-3)
    onset = np.maximum(0, np.diff(level, axis=1)).mean(axis=0)
    onset = onset - onset.mean()
    return np.correlate(onset, onset, mode="full")[len(onset) - 1 :] / np.dot(onset, onset)


@pytest.mark.parametrize("style", ["rock", "house", "hiphop"])
def test_tempo_by_autocorrelation_is_the_label(style: str) -> None:
    song = compose(52, style, seconds=25.0)
    correlation = _tempo(render(song, SR).mix)
    bar = 4 * song.beat_s * 100
    lags = np.arange(round(bar * 0.94), round(bar * 1.06) + 1)
    best = lags[np.argmax(correlation[lags])]
    assert abs(best - bar) <= 1.5  # a bar within 15 ms
    assert correlation[lags].max() > 0.1


def _chroma(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    frequency, _, spectrum = stft(sound, SR, nperseg=8192)
    power = (np.abs(spectrum) ** 1).mean(axis=1)
    keep = (frequency > 100) & (frequency < 2000)
    classes = np.round(12 * np.log2(frequency[keep] / 440) + 69).astype(int) % 12
    return np.bincount(classes, weights=power[keep], minlength=12)


def test_chroma_of_a_version_rotates_as_labelled() -> None:
    song = alone(compose(61, "pop", seconds=20.0), drums=())
    first = _chroma(render(song, SR).mix)
    for seed in range(1, 3):
        other = alone(compose(61, "pop", seconds=20.0).version(seed), drums=())
        second = _chroma(render(other, SR).mix)
        scores = [np.corrcoef(np.roll(first, shift), second)[0, 1] for shift in range(12)]
        assert int(np.argmax(scores)) == (other.tonic - song.tonic) % 12


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("channels", [1, 2])
def test_stems_sum_to_a_mix_that_never_clips(seed: int, channels: int) -> None:
    song = compose(seed)
    rendering = render(song, SR, channels=channels, seconds=6.0)
    shape = (6 * SR,) if channels == 1 else (2, 6 * SR)
    assert rendering.mix.shape == shape
    assert rendering.mix.dtype == np.float32
    assert all(stem.shape == shape and stem.dtype == np.float32 for stem in rendering.stems.values())
    assert np.allclose(np.sum(list(rendering.stems.values()), axis=0), rendering.mix, atol=1e-6)
    assert np.abs(rendering.mix).max() <= 0.99
    assert rendering.mix.std() > 0.02
    again = render(compose(seed), SR, channels=channels, seconds=6.0)
    assert np.array_equal(again.mix, rendering.mix)


def test_rates_agree_and_length_is_the_label() -> None:
    song = compose(5, "folk", seconds=15.0)
    low, high = render(song, SR), render(song, 32000)
    assert len(low.mix) == round(song.seconds * SR)
    assert len(high.mix) == round(song.seconds * 32000)
    hop = 0.25
    levels = [
        np.sqrt(
            np.mean(
                r.mix[: int(len(r.mix) // (hop * r.sample_rate_hz) * hop * r.sample_rate_hz)].reshape(
                    -1, int(hop * r.sample_rate_hz)
                )
                ** 2,
                axis=1,
            )
        )
        for r in (low, high)
    ]
    size = min(len(level) for level in levels)
    assert np.corrcoef(levels[0][:size], levels[1][:size])[0, 1] > 0.9


def test_open_hat_is_choked() -> None:
    song = compose(5, "rock")
    kit: Kit = song.kit
    hits = (
        DrumEvent(onset_s=0.1, label="hihat_open", velocity=0.9),
        DrumEvent(onset_s=0.2, label="hihat_pedal", velocity=0.05),
    )
    choked = render(
        alone(song, parts=(), drums=[hit.to_dict() for hit in hits], kit=kit.to_dict()), SR, seconds=1.0
    ).mix
    free = render(alone(song, parts=(), drums=[hits[0].to_dict()], kit=kit.to_dict()), SR, seconds=1.0).mix

    def ratio(sound: NDArray[np.float32]) -> float:
        return float(
            np.mean(sound[round(0.26 * SR) : round(0.32 * SR)] ** 2)
            / np.mean(sound[round(0.1 * SR) : round(0.19 * SR)] ** 2)
        )

    assert ratio(choked) < 0.3 * ratio(free)


def test_hertz() -> None:
    assert hertz(81) == pytest.approx(880.0)
