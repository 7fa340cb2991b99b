"""The same audio is found whatever it is called; other audio is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewheel.gates.duplicates import DuplicatesGate, shared_audio, signature
from tonewheel.manifest.tracks import Track, read_tracks

RATE_HZ = 16_000


def tune(seed: int, seconds: float = 16.0) -> np.ndarray:
    """Chords of decaying partials over noise: enough like music to have pitch, onsets and a timbre."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(int(0.4 * RATE_HZ)) / RATE_HZ
    parts = []
    for _ in range(int(seconds / 0.4)):
        pitches = 110 * 2 ** (rng.integers(0, 36, 4) / 12)
        tones = [np.sin(2 * np.pi * p * k * time_s) / k for p in pitches for k in range(1, 8) if p * k < 4000]
        parts.append(
            np.sum(tones, axis=0) * np.exp(-time_s * rng.uniform(1, 8)) + rng.normal(0, 0.02, time_s.size)
        )
    whole = np.concatenate(parts)
    return np.asarray(0.5 * whole / np.abs(whole).max(), np.float32)


def equal(a: np.ndarray, b: np.ndarray) -> list[tuple[str, str, float, float]]:
    return shared_audio({"a": signature(a, RATE_HZ), "b": signature(b, RATE_HZ)})


def test_other_music_is_not_the_same() -> None:
    signatures = {str(seed): signature(tune(seed), RATE_HZ) for seed in range(6)}
    assert shared_audio(signatures) == []


def test_a_cut_at_another_level_is_found_where_it_is() -> None:
    whole = tune(1)
    ((a, b, offset_s, share),) = equal(whole, 0.2 * whole[int(5.03 * RATE_HZ) : int(15 * RATE_HZ)])
    assert (a, b) == ("a", "b")
    assert offset_s == pytest.approx(5.03, abs=0.07)
    assert share > 0.8


def test_noise_and_an_equaliser_do_not_hide_it() -> None:
    whole = tune(2)
    noisy = whole + np.random.default_rng(9).normal(0, 0.02, whole.size)
    dull = np.convolve(noisy, np.ones(4) / 4, "same").astype(np.float32)
    assert len(equal(whole, dull)) == 1


def test_silence_and_a_held_tone_are_no_duplicates() -> None:
    silence = np.zeros(10 * RATE_HZ, np.float32)
    tone = (0.3 * np.sin(np.arange(10 * RATE_HZ) * 0.2)).astype(np.float32)
    assert equal(silence, silence.copy()) == []
    assert equal(tone, tune(3)) == []
    assert equal(np.zeros(10, np.float32), tone) == []


def test_the_gate_finds_another_codec_under_another_name(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "studio.flac", tune(4), RATE_HZ)
    soundfile.write(tmp_path / "renamed.mp3", tune(4)[2 * RATE_HZ :], RATE_HZ)
    soundfile.write(tmp_path / "other.ogg", tune(5), RATE_HZ)
    (tmp_path / "broken.wav").write_text("not audio")
    tracks = [
        Track(path="studio.flac", split="train"),
        Track(path="renamed.mp3", split="test"),
        Track(path="other.ogg", split="train"),
        Track(path="broken.wav", split="train"),
    ]
    verdict = DuplicatesGate().check(tracks, tmp_path)
    assert [finding.path for finding in verdict.findings] == ["studio.flac"]
    assert "renamed.mp3" in verdict.findings[0].reason
    assert "across train and test" in verdict.findings[0].reason


def test_real_tracks_are_told_apart_and_found_again(shared_audio: Path, tmp_path: Path) -> None:
    from tonewheel.audio.decode import load
    from tonewheel.audio.encode import write

    root = shared_audio / "music"
    found = read_tracks(root / "index.csv").tracks
    music = [track for track in found if track.kind == "music" and track.split == "test"][:3]
    assert len(music) == 3
    for number, track in enumerate(music[:1]):
        audio, rate_hz = load(root / track.path, start_s=5.0)
        write(tmp_path / f"again{number}.mp3", 0.5 * audio, rate_hz)
    tracks = [Track(path=str(root / track.path)) for track in music]
    tracks += [Track(path=str(tmp_path / f"again{number}.mp3")) for number in range(1)]
    verdict = DuplicatesGate().check(tracks, Path("/"))
    assert [finding.path for finding in verdict.findings] == [str(root / track.path) for track in music[:1]]
