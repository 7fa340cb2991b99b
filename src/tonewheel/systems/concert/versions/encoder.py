"""The version encoder: one linear map, the same for all twelve keys, that keeps what renditions have in common.

Each number of the output is a sum over the twelve classes of the input, with weights that depend on how far a
class is above, not on which it is. So a song that is transposed by k semitones gives the same tables, turned by
k rows: nothing about keys has to be learned, and twelve turns of a query are all keys.

The map is learned in closed form: linear discriminant analysis, where a class is one moment of one song in all
its renditions and halls. On the circle of pitch classes the covariances are diagonal in the Fourier domain, so
there is one small eigenproblem for each of seven frequencies. A direction's share of variance between moments
(its reliability) is what it is weighed by. After Fisher, "The use of multiple measurements in taxonomic problems"
(1936), and, for the circle, Cohen and Welling, "Group equivariant convolutional networks" (ICML 2016).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from tonewheel.core.errors import InputError
from tonewheel.systems.concert.versions.patches import CLASSES

Floats = NDArray[np.float32]
FREQUENCIES = CLASSES // 2 + 1


class VersionEncoder:
    """Patches in, tables of unit length out.

    `mean` (patch size,) is what the data have on average, `kernel` (12, patch size, size) says what an input
    so many semitones above adds to each output of a class.

    >>> rng = np.random.default_rng(0)
    >>> encoder = VersionEncoder(np.zeros(3, np.float32), rng.normal(size=(12, 3, 2)).astype(np.float32))
    >>> patch = rng.random((5, 12, 3)).astype(np.float32)
    >>> higher = encoder(np.roll(patch, 4, axis=1)).reshape(5, 12, 2)
    >>> bool(np.allclose(higher, np.roll(encoder(patch).reshape(5, 12, 2), 4, axis=1), atol=1e-6))
    True
    """

    def __init__(self, mean: Floats, kernel: Floats) -> None:
        self.mean, self.kernel = mean, kernel
        self.size = kernel.shape[2]
        above = (np.arange(CLASSES)[:, None] - np.arange(CLASSES)[None, :]) % CLASSES  # [input, output]
        whole = kernel[above].transpose(0, 2, 1, 3)  # input class, patch, output class, size
        self.matrix = np.ascontiguousarray(whole.reshape(CLASSES * kernel.shape[1], CLASSES * self.size))

    def __call__(self, patches: Floats) -> Floats:
        """Shape: (rows, 12, patch size) -> (rows, 12 * size)."""
        tables = (patches - self.mean).reshape(len(patches), -1) @ self.matrix
        length = np.linalg.norm(tables, axis=1, keepdims=True)
        return np.asarray(tables / np.maximum(length, 1e-9), np.float32)


class Learned(NamedTuple):
    """An encoder, and the reliabilities of its directions, (7 frequencies, size)."""

    encoder: VersionEncoder
    reliability: NDArray[np.float64]


def learn(songs: Iterable[Floats], *, size: int, shrink: float) -> Learned:
    """Fit to songs; InputError when there are not at least two.

    Each song is (renditions, moments, 12, patch size): the same moments in every rendition, and all in one
    key. `shrink` adds a share of the mean variance to the diagonal.
    """
    given = list(songs)
    if len(given) < 2:
        raise InputError("versions", f"{len(given)} songs with renditions; at least 2 needed")
    patch = given[0].shape[-1]
    mean = np.mean([song.mean(axis=(0, 1, 2)) for song in given], axis=0)
    within = np.zeros((FREQUENCIES, patch, patch), complex)
    total = np.zeros_like(within)
    for song in given:
        waves = np.fft.rfft(song - mean, axis=2, norm="ortho")
        apart = (waves - waves.mean(axis=0)) * np.sqrt(len(song) / (len(song) - 1))
        for k in range(FREQUENCIES):
            own, all_of = apart[:, :, k].reshape(-1, patch), waves[:, :, k].reshape(-1, patch)
            within[k] += own.conj().T @ own
            total[k] += all_of.conj().T @ all_of
    kernel = np.zeros((FREQUENCIES, patch, size), complex)
    reliability = np.zeros((FREQUENCIES, size))
    for k in range(FREQUENCIES):
        ridge = shrink * np.trace(total[k]).real / patch * np.eye(patch)
        shares, directions = eigh(total[k] - within[k], total[k] + ridge)
        best = np.argsort(-shares)[:size]
        reliability[k] = np.clip(shares[best], 0.0, 1.0)
        kernel[k] = directions[:, best] * np.sqrt(reliability[k])
    # A product of spectra is a convolution: class c hears class j by kernel[(c - j) % 12].
    scale = np.sqrt(sum(s.shape[0] * s.shape[1] for s in given))
    heard = np.fft.irfft(kernel, n=CLASSES, axis=0) * scale
    turned = heard[-np.arange(CLASSES) % CLASSES]  # by how far the input is above the output
    return Learned(VersionEncoder(np.asarray(mean, np.float32), np.asarray(turned, np.float32)), reliability)
