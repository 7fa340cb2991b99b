"""The backbone `openl3`: OpenL3 music, mel128, 6144 numbers a second, in torch, with the published Keras weights.

Architecture and front end after Cramer, Wu, Salamon, Bello, "Look, listen and learn more", 2019, in the version 0.4 of
its package: magnitudes of an STFT (2048, hop 242) of one second at 48 kHz padded at its end, 128 mels, decibels below
the loudest cell, at most 80. The embeddings of earlier versions differ. The package takes a second every 0.1 s; here
seconds stand side by side, which is what a mean over a track needs.

The weights are not ours and do not come with Tonewheel: `fetch` gets them, or the user names a file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tonewheel.audio.spectra import MelSpec, hann, mel_filterbank
from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.core.files import sha256
from tonewheel.systems.similar.backbones.base import Floats, cut, heard, mono, silent, unit
from tonewheel.systems.similar.backbones.fetch import cache_folder
from tonewheel.systems.similar.backbones.hdf5 import read_arrays

URL = "https://github.com/marl/openl3/raw/models/openl3_audio_mel128_music-v0_4_0.h5.gz"
SAMPLE_RATE_HZ = 48_000
N_FFT, HOP, N_MELS, FRAMES = 2048, 242, 128, 199
WIDTHS = (64, 128, 256, 512)
POOLING = {6144: (4, 8), 512: (16, 24)}
EPSILON = 1e-3  # Keras' in batch norm
WINDOWS_AT_ONCE = 4
LAST = "audio_embedding_layer"


class OpenL3(nn.Module):
    """The network behind the front end.

    Shape: (windows, 128, 199) decibels -> (windows, 6144), in the order frequency, time, channel, as Keras flattens.

    >>> with torch.inference_mode():
    ...     tuple(OpenL3(widths=(2, 2, 3, 4), size=512).eval()(torch.zeros(1, 128, 199)).shape)
    (1, 4)
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS, size: int = 6144) -> None:
        super().__init__()
        self.pooling, self.widths = POOLING[size], widths
        self.input_norm = nn.BatchNorm2d(1, eps=EPSILON)
        pairs = [pair for i, o in zip((1, *widths), widths, strict=False) for pair in ((i, o), (o, o))]
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in pairs)
        # The last convolution is the embedding itself: no norm, no ReLU.
        self.norms = nn.ModuleList(nn.BatchNorm2d(o, eps=EPSILON) for _, o in pairs[:-1])

    def forward(self, decibels: Tensor) -> Tensor:
        x = self.input_norm(decibels.unsqueeze(1))
        for i, convolution in enumerate(self.convolutions):
            x = convolution(x)
            if i < len(self.norms):
                x = functional.relu(self.norms[i](x))
            if i in (1, 3, 5):
                x = functional.max_pool2d(x, 2)
        x = functional.max_pool2d(x, self.pooling)
        return x.permute(0, 2, 3, 1).flatten(1)


class OpenL3Backbone:
    """The network with its front end and weights."""

    name = "openl3"
    sample_rate_hz = SAMPLE_RATE_HZ
    window_s = 1.0
    hop_s = 1.0

    def __init__(self, network: OpenL3, fingerprint: str) -> None:
        self.network = network.eval()
        self.fingerprint = fingerprint
        heights = FRAMES // 8 // network.pooling[1] * (N_MELS // 8 // network.pooling[0])
        self.dimension = self.size = heights * network.widths[-1]
        self._filters = torch.from_numpy(mel_filterbank(front_end()))
        self._window = torch.from_numpy(hann(N_FFT)).float()

    @classmethod
    def load(cls, weights: str | Path) -> OpenL3Backbone:
        """Read published weights (.h5); InputError or ModelMismatchError when the file holds anything else."""
        return cls(load_keras(weights), sha256(weights))

    @torch.inference_mode()
    def embed(self, audio: NDArray[Any], sample_rate_hz: int) -> Floats:
        """Frames; see `Backbone`."""
        samples = mono(audio, sample_rate_hz, self.sample_rate_hz)
        windows = cut(samples, self.sample_rate_hz, self.sample_rate_hz)
        rows = [
            self.network(self.decibels(torch.from_numpy(windows[i : i + WINDOWS_AT_ONCE].copy()))).numpy()
            for i in range(0, len(windows), WINDOWS_AT_ONCE)
        ]
        return np.where(silent(windows)[:, None], np.float32(0), np.concatenate(rows))

    def pool(self, frames: Floats) -> Floats:
        """The mean; see `Backbone`."""
        rows = heard(frames)
        return unit(rows.mean(axis=0)) if len(rows) else np.zeros(self.size, np.float32)

    def decibels(self, windows: Tensor) -> Tensor:
        """Shape: (windows, 48000) -> (windows, 128, 199), 0 for the loudest cell of each window, at least -80."""
        padded = functional.pad(windows, (0, (FRAMES - 1) * HOP + N_FFT - windows.shape[1]))
        spectrum = torch.stft(padded, N_FFT, HOP, window=self._window, center=False, return_complex=True)
        mel = torch.matmul(self._filters, spectrum.abs())
        level = 10 * torch.log10(mel.clamp_min(1e-10))
        return (level - level.amax(dim=(1, 2), keepdim=True)).clamp_min(-80.0)


def fetched() -> Path:
    """The published weights in the cache; InputError says how to get them when they are not there."""
    path = cache_folder() / URL.rpartition("/")[2].removesuffix(".gz")
    if not path.is_file():
        raise InputError(
            path,
            f"OpenL3's weights are not here, and do not come with Tonewheel: `tonewheel similar fetch` gets {URL}, or "
            "name your own copy with --weights; the encoder that comes with Tonewheel needs none",
        )
    return path


def front_end() -> MelSpec:
    """The mel bands: Slaney's, 0 Hz to half the sample rate."""
    return MelSpec(
        sample_rate_hz=SAMPLE_RATE_HZ,
        n_fft=N_FFT,
        hop_samples=HOP,
        n_mels=N_MELS,
        f_min_hz=0.0,
        f_max_hz=SAMPLE_RATE_HZ / 2,
    )


def load_keras(path: str | Path, widths: tuple[int, ...] = WIDTHS, size: int = 6144) -> OpenL3:
    """The network with the weights of a Keras file, whose layers are told apart by name and number."""
    layers: dict[str, dict[str, Floats]] = {}
    for name, values in read_arrays(path).items():
        layer, _, variable = name.rpartition("/")
        layers.setdefault(layer.split("/")[0], {})[variable.split(":")[0]] = values
    convolutions = _numbered(layers, "conv2d") + [LAST] * (LAST in layers)
    norms = _numbered(layers, "batch_normalization")
    network = OpenL3(widths, size)
    if len(convolutions) != len(network.convolutions) or len(norms) != len(network.norms) + 1:
        raise ModelMismatchError(
            f"{path}: has {len(convolutions)} convolutions and {len(norms)} batch norms, OpenL3's audio network has "
            f"{len(network.convolutions)} and {len(network.norms) + 1}"
        )
    state: dict[str, Tensor] = {}
    places = ["input_norm", *(f"norms.{i}" for i in range(len(network.norms)))]
    keras = {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    }
    try:
        for place, layer in zip(places, norms, strict=True):
            state |= {f"{place}.{ours}": _tensor(layers[layer][theirs]) for ours, theirs in keras.items()}
            state[f"{place}.num_batches_tracked"] = torch.tensor(0)
        for i, layer in enumerate(convolutions):
            # Keras: height, width, in, out.
            state[f"convolutions.{i}.weight"] = _tensor(layers[layer]["kernel"].transpose(3, 2, 0, 1))
            state[f"convolutions.{i}.bias"] = _tensor(layers[layer]["bias"])
    except (KeyError, ValueError) as error:
        raise ModelMismatchError(f"{path}: a layer lacks or has another shape of {error}") from None
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    wrong = [name for name, value in state.items() if tuple(value.shape) != shapes[name]]
    if wrong:
        got, wanted = tuple(state[wrong[0]].shape), shapes[wrong[0]]
        raise ModelMismatchError(f"{path}: {wrong[0]} has shape {got}, expected {wanted}; is it mel128?")
    network.load_state_dict(state)
    return network.eval()


def _numbered(layers: dict[str, Any], kind: str) -> list[str]:
    """Layers of a kind in the order of their numbers, whatever the first number is."""
    found = [(int(m[1] or 0), name) for name in layers if (m := re.fullmatch(rf"{kind}(?:_(\d+))?", name))]
    return [name for _, name in sorted(found)]


def _tensor(values: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
