"""OpenL3 in torch against a forward pass written out in scipy and librosa, from a file that h5py wrote."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import correlate2d

from tonewheel.core.errors import InputError, ModelMismatchError, TonewheelError
from tonewheel.systems.similar.backbones import fetch as fetching
from tonewheel.systems.similar.backbones.fetch import fetch
from tonewheel.systems.similar.backbones.hdf5 import read_arrays
from tonewheel.systems.similar.backbones.openl3 import OpenL3, OpenL3Backbone, load_keras

SPEC = importlib.util.spec_from_file_location(
    "make_keras_layout", Path(__file__).with_name("make_keras_layout.py")
)
assert SPEC is not None
assert SPEC.loader is not None
layout = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(layout)
FILE = Path(__file__).parent / "data" / "keras_layout.h5"
RATE = 48_000


@pytest.fixture(scope="module")
def backbone() -> OpenL3Backbone:
    return OpenL3Backbone(load_keras(FILE, widths=layout.WIDTHS), "toy")


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    """Two seconds: a chord with a beat, and noise."""
    time_s = np.arange(2 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * f * time_s) for f in (220, 277, 3300)) * np.exp(-((4 * time_s) % 1))
    return (0.2 * chord + 0.01 * np.random.default_rng(0).normal(size=len(time_s))).astype(np.float32)


def test_the_reader_finds_what_h5py_wrote() -> None:
    expected = {
        f"{layer}/{layer}/{key}:0": values
        for layer, variables in layout.layers().items()
        for key, values in variables.items()
    }
    found = read_arrays(FILE)
    assert set(found) == set(expected)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def expected_embedding(second: np.ndarray) -> np.ndarray:
    """The published model, step by step. Shape: (48000,) -> (12 * last width,)."""
    import librosa

    padded = np.pad(second, (0, 198 * 242 + 2048 - RATE))
    magnitude = np.abs(librosa.stft(padded, n_fft=2048, hop_length=242, center=False))
    mel = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=128) @ magnitude
    level = 10 * np.log10(np.maximum(mel, 1e-10))
    x = np.maximum(level - level.max(), -80.0)[:, :, None].astype(np.float64)
    made = layout.layers()
    norms = [made[name] for name in made if name.startswith("batch")]
    convolutions = [made[name] for name in made if not name.startswith("batch")]

    def norm(x: np.ndarray, n: dict[str, np.ndarray]) -> np.ndarray:
        return (x - n["moving_mean"]) / np.sqrt(n["moving_variance"] + 1e-3) * n["gamma"] + n["beta"]

    def pooled(x: np.ndarray, height: int, width: int) -> np.ndarray:
        h, w = x.shape[0] // height, x.shape[1] // width
        cells = x[: h * height, : w * width].reshape(h, height, w, width, -1)
        return cells.max(axis=(1, 3))

    x = norm(x, norms[0])
    for i, convolution in enumerate(convolutions):
        kernel = convolution["kernel"]
        x = np.stack(
            [
                sum(correlate2d(x[:, :, c], kernel[:, :, c, o], mode="same") for c in range(kernel.shape[2]))
                for o in range(kernel.shape[3])
            ],
            axis=2,
        )
        x = x + convolution["bias"]
        if i < 7:
            x = np.maximum(norm(x, norms[i + 1]), 0)
        if i in (1, 3, 5):
            x = pooled(x, 2, 2)
    return pooled(x, 4, 8).ravel()


def test_frames_equal_an_independent_forward_pass(backbone: OpenL3Backbone, audio: np.ndarray) -> None:
    frames = backbone.embed(audio, RATE)
    assert frames.shape == (2, backbone.dimension) == (2, 12 * layout.WIDTHS[-1])
    expected = np.stack([expected_embedding(second) for second in audio.reshape(2, RATE)])
    assert np.abs(frames - expected).max() < 2e-3 * np.abs(expected).max()


def test_a_track_is_the_mean_of_its_frames(backbone: OpenL3Backbone, audio: np.ndarray) -> None:
    frames = backbone.embed(audio, RATE)
    mean = frames.mean(axis=0)
    assert np.allclose(backbone.pool(frames), mean / np.linalg.norm(mean), atol=1e-6)
    assert np.array_equal(backbone.pool(np.zeros((2, backbone.size), np.float32)), np.zeros(backbone.size))


def test_the_published_size() -> None:
    network = OpenL3()
    assert OpenL3Backbone(network, "").size == 6144
    convolutions = sum(p.numel() for p in network.convolutions.parameters())
    assert convolutions == 4_684_224  # 9 i o + o for each of the eight: 1-64-64-128-128-256-256-512-512


def test_a_file_of_other_layers_is_refused() -> None:
    with pytest.raises(ModelMismatchError, match="expected"):
        load_keras(FILE)


@pytest.mark.parametrize("cut", [4, 100, 3000, -100])
def test_a_damaged_file_is_refused(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    path.write_bytes(FILE.read_bytes()[:cut])
    with pytest.raises(InputError):
        read_arrays(path)


def test_flipped_bytes_never_end_in_a_traceback(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    original = np.frombuffer(FILE.read_bytes(), np.uint8)
    for _ in range(150):
        data = original.copy()
        data[rng.integers(0, len(data), 6)] = rng.integers(0, 256, 6)
        path = tmp_path / "weights.h5"
        path.write_bytes(data.tobytes())
        with contextlib.suppress(TonewheelError):
            load_keras(path, widths=layout.WIDTHS)


def test_what_is_fetched_must_have_its_hash(tmp_path: Path) -> None:
    content = FILE.read_bytes()
    (tmp_path / "served").mkdir()
    packed = tmp_path / "served" / "weights.h5.gz"
    packed.write_bytes(gzip.compress(content))
    digest = hashlib.sha256(content).hexdigest()
    got = fetch(packed.as_uri(), digest, tmp_path / "cache")
    assert got.read_bytes() == content
    packed.unlink()  # the second time it comes from the cache
    assert fetch(packed.as_uri(), digest, tmp_path / "cache") == got
    with pytest.raises(TonewheelError, match="comes with Tonewheel needs none"):
        fetch(packed.as_uri(), "0" * 64, tmp_path / "cache")
    packed.write_bytes(gzip.compress(content))
    with pytest.raises(InputError, match="it was not kept"):
        fetch(packed.as_uri(), "0" * 64, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetching.cache_folder() == tmp_path / "tonewheel"
