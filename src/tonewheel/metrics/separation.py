"""How well were the stems of a mix taken apart: global SDR, and BSSEval v4's SDR, ISR, SIR and SAR.

Task: `reference` and `estimate` are (stems, channels, samples), the stems in one order, in place to the sample. Two
protocols of the field, never to be mixed in a table:

    global SDR    one ratio a track and stem over all channels and samples, no filter (the Music Demixing
                  Challenge, Mitsufuji et al. 2022); means over tracks
    BSSEval v4    in windows of 1 s, against what filters of 512 taps, one set for the whole track, can make of the
                  references (Stoeter, Liutkus and Ito, "The 2018 signal separation evaluation campaign");
                  medians over windows, then over tracks

Of an estimate e of the stem s, with P_s the best filtering of s alone and P_all that of all stems:

    SDR = |s|^2 / |e - s|^2              SIR = |P_s e|^2 / |P_all e - P_s e|^2
    ISR = |s|^2 / |P_s e - s|^2          SAR = |P_all e|^2 / |e - P_all e|^2

The figures equal `museval` 0.4 to 0.01 dB and, in one window of the whole length, `mir_eval.separation.bss_eval_images`
(tests show both); `museval` solves the same equations once an estimate, ours once a track. A window in which a
reference or an estimate is silent has no figure (NaN), as there. References that are alike in both channels, or twice
the same, have no unique filters: a millionth of a millionth of their power is added to the diagonal, which `museval`
does not do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.metrics.si_sdr import si_sdr

__all__ = [
    "BssEval",
    "References",
    "bss_eval",
    "evaluate",
    "global_sdr_db",
    "overall",
    "stem_si_sdr_db",
    "validate",
]

Floats = NDArray[np.float64]

TAPS = 512
SMALL = (1e-12, 1e-9, 1e-6)
"""Of the mean power of the references, the first that does: added so that filters they do not tell are small."""
GOALS_DB = (10.0, 15.0, 10.0)
"""SDR, SIR and SAR at which each third of the overall score is 3/4."""


class BssEval(NamedTuple):
    """Figures in dB, each (stems, windows); NaN where a reference or an estimate is silent."""

    sdr_db: Floats
    isr_db: Floats
    sir_db: Floats
    sar_db: Floats

    def medians_db(self) -> Floats:
        """Medians over the windows that have a figure, (stems, 4) in the order above; NaN where none has."""
        out = np.full((len(self.sdr_db), 4), np.nan)
        for number, figures in enumerate(self):
            for stem, row in enumerate(figures):
                told = row[~np.isnan(row)]
                if told.size:
                    out[stem, number] = np.median(told)
        return out


def validate(reference: ArrayLike, estimate: ArrayLike) -> tuple[Floats, Floats]:
    """Check two finite arrays of one shape, (stems, channels, samples); silence is legal."""
    right, found = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    if right.shape != found.shape or right.ndim != 3 or right.size == 0:
        raise ValueError(
            f"reference {right.shape} and estimate {found.shape} must be alike: (stems, channels, samples)"
        )
    if not (np.isfinite(right).all() and np.isfinite(found).all()):
        raise ValueError("a stem holds NaN or infinite samples")
    return right, found


def global_sdr_db(reference: ArrayLike, estimate: ArrayLike) -> Floats:
    """SDR in dB of each stem over all its channels and samples, (stems,); NaN where the reference is silent.

    >>> global_sdr_db([[[1.0, 0.0]], [[0.0, 0.0]]], [[[0.9, 0.0]], [[0.1, 0.0]]]).round(6).tolist()
    [20.0, nan]
    """
    right, found = validate(reference, estimate)
    wanted, rest = _power(right), _power(right - found)
    return np.where(wanted > 0, _ratio_db(wanted, rest), np.nan)


def stem_si_sdr_db(reference: ArrayLike, estimate: ArrayLike) -> Floats:
    """SI-SDR in dB of each stem, the mean over its channels that sound, (stems,); NaN where none does."""
    right, found = validate(reference, estimate)
    out = np.full(len(right), np.nan)
    for stem, (one, other) in enumerate(zip(right, found, strict=True)):
        sounding = np.square(one).sum(axis=-1) > 0
        if sounding.any():
            out[stem] = si_sdr(one[sounding], other[sounding]).mean()
    return out


class References:
    """The stems of a track with everything that all its estimates are measured against, computed once.

    A stem that is silent throughout is left out of the others' equations and has no figures of its own.
    """

    def __init__(self, reference: ArrayLike, window_samples: int | None = None, taps: int = TAPS) -> None:
        self.audio, _ = validate(reference, reference)
        self.stems, self.channels, self.samples = self.audio.shape
        self.taps = taps
        self.window = self.samples if window_samples is None else min(window_samples, self.samples)
        self.sounding = [stem for stem in range(self.stems) if self.audio[stem].any()]
        self.rows = self.audio[self.sounding].reshape(-1, self.samples)
        self.spectra = np.fft.rfft(self.rows, self._length(self.samples))
        self.gram = self._gram()
        self.factors = [_factor(self.gram[part, part]) for part in self._parts()]
        self.factor = _factor(self.gram)

    def evaluate(self, estimate: ArrayLike, only: Sequence[int] | None = None) -> BssEval:
        """The figures of one estimate of all stems, or of the stems `only`: the others' are NaN and not heard."""
        _, found = validate(self.audio, estimate)
        count = max(1, self.samples // self.window)
        figures = np.full((4, self.stems, count), np.nan)
        asked = [stem for stem in self.sounding if only is None or stem in only]
        if not asked:
            return BssEval(*figures)
        pieces = _windows(self.rows, self.window, count)
        heard = _windows(found.reshape(-1, self.samples), self.window, count)
        told = self._sounds(pieces).all(axis=0) & self._sounds(heard)[asked].all(axis=0)
        length = self._length(self.window)
        spectra = np.fft.rfft(pieces, length)
        cover = self.window + self.taps - 1
        for place, (stem, part) in enumerate(zip(self.sounding, self._parts(), strict=True)):
            if stem not in asked:
                continue
            right_side = self._against(found[stem])
            of_all = self._filtered(spectra, _solve(self.factor, right_side), length)[..., :cover]
            of_own = self._filtered(spectra[part], _solve(self.factors[place], right_side[part]), length)[
                ..., :cover
            ]
            channels = slice(stem * self.channels, (stem + 1) * self.channels)
            truth, said = (
                np.pad(one, ((0, 0), (0, 0), (0, self.taps - 1))) for one in (pieces[part], heard[channels])
            )
            pairs = (
                (truth, said - truth),
                (truth, of_own - truth),
                (of_own, of_all - of_own),
                (of_all, said - of_all),
            )
            for number, (wanted, rest) in enumerate(pairs):
                ratio = _ratio_db(*(np.square(one).sum(axis=(0, 2)) for one in (wanted, rest)))
                figures[number, stem] = np.where(told, ratio, np.nan)
        return BssEval(*figures)

    def _parts(self) -> list[slice]:
        """Where each sounding stem's channels lie among the rows."""
        return [slice(at * self.channels, (at + 1) * self.channels) for at in range(len(self.sounding))]

    def _sounds(self, pieces: Floats) -> NDArray[np.bool_]:
        """Which stem sounds in which window, (stems, windows), of (stems * channels, windows, samples)."""
        return np.asarray(pieces.any(axis=2).reshape(-1, self.channels, pieces.shape[1]).any(axis=1))

    def _length(self, samples: int) -> int:
        from scipy.fft import next_fast_len

        return int(next_fast_len(samples + self.taps - 1, real=True))

    def _gram(self) -> Floats:
        """Correlations of all rows at all lags below `taps`, (rows, rows, taps, taps): Toeplitz in the last two."""
        rows, taps = len(self.rows), self.taps
        lags = np.arange(taps)[:, None] - np.arange(taps)[None, :]
        out = np.empty((rows, rows, taps, taps))
        for first in range(rows):
            for second in range(first, rows):
                cross = np.fft.irfft(
                    self.spectra[first] * self.spectra[second].conj(), self._length(self.samples)
                )
                out[first, second] = cross[lags.T]
                out[second, first] = out[first, second].T
        return out

    def _against(self, estimate: Floats) -> Floats:
        """Correlations of (channels, samples) with all rows, (rows, taps, channels)."""
        length = self._length(self.samples)
        spectrum = np.fft.rfft(estimate, length)
        cross = np.fft.irfft(self.spectra.conj()[:, None] * spectrum[None], length)[..., : self.taps]
        return np.ascontiguousarray(np.swapaxes(cross, 1, 2))

    def _filtered(self, spectra: NDArray[np.complex128], filters: Floats, length: int) -> Floats:
        """Windows of the rows through (rows, taps, channels), summed over the rows: (channels, windows, length)."""
        responses = np.fft.rfft(filters, length, axis=1)
        return np.fft.irfft(np.einsum("rwf,rfc->cwf", spectra, responses, optimize=True), length)


def bss_eval(
    reference: ArrayLike, estimate: ArrayLike, *, window_samples: int | None = None, taps: int = TAPS
) -> BssEval:
    """BSSEval v4 of all stems in windows that follow each other; None is one window, the whole.

    >>> noise = np.random.default_rng(0).standard_normal((2, 1, 4000))
    >>> mixed = np.stack([noise[0] + 0.1 * noise[1], noise[1]])
    >>> bss_eval(noise, mixed, taps=8).sir_db[0].round().tolist()
    [20.0]
    """
    return References(reference, window_samples, taps).evaluate(estimate)


def overall(sdr_db: float, sir_db: float, sar_db: float) -> float:
    """A score from 0 to 1 of one stem: the geometric mean of three shares, 3/4 at the goals, 10, 15 and 10 dB.

    Geometric, as none of the three pays for another: the mix itself has no artefacts, and is not separated.

    A share is 3/4 x figure / goal up to the goal and nears 1 above it, 1 - 1/4 exp(-3 (figure / goal - 1)), so that the
    two halves meet with one slope; below 0 dB it is 0. The definition is ours: 0.75 is "at the goals".

    >>> [round(overall(*figures), 3) for figures in ((10, 15, 10), (5, 7.5, 5), (20, 30, 20), (2, -5, 80))]
    [0.75, 0.375, 0.988, 0.0]
    """
    shares = []
    for figure, goal in zip((sdr_db, sir_db, sar_db), GOALS_DB, strict=True):
        part = max(0.0, figure / goal)
        shares.append(0.75 * part if part <= 1 else 1 - 0.25 * float(np.exp(-3 * (part - 1))))
    return float(np.cbrt(np.prod(shares)))


def evaluate(
    reference: ArrayLike, estimate: ArrayLike, sample_rate_hz: int = 44_100
) -> dict[str, float | None]:
    """Means over the stems that sound, of the global figures and of the medians over windows of 1 s.

    >>> noise = np.random.default_rng(0).standard_normal((2, 1, 4000))
    >>> figures = evaluate(noise, 0.9 * noise, sample_rate_hz=2000)
    >>> figures["sdr_db"], figures["sdr_v4_db"]
    (20.0, 20.0)
    """
    right, found = validate(reference, estimate)
    if sample_rate_hz < 1:
        raise ValueError(f"the sample rate is {sample_rate_hz} Hz; expected at least 1")
    medians = bss_eval(right, found, window_samples=sample_rate_hz).medians_db()
    columns = {
        "sdr_db": global_sdr_db(right, found),
        "si_sdr_db": stem_si_sdr_db(right, found),
        **{f"{name}_v4_db": medians[:, at] for at, name in enumerate(("sdr", "isr", "sir", "sar"))},
    }
    return {name: _mean(values) for name, values in columns.items()}


def _mean(values: Floats) -> float | None:
    told = values[np.isfinite(values)]
    return round(float(told.mean()), 4) if told.size else None


def _power(audio: Floats) -> Floats:
    return np.asarray(np.square(audio).sum(axis=(-2, -1)))


def _ratio_db(wanted: Floats, rest: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(wanted > 0, 10 * (np.log10(wanted) - np.log10(rest)), -np.inf)


def _windows(rows: Floats, window: int, count: int) -> Floats:
    """(rows, samples) in windows that follow each other: (rows, count, window); a shorter rest is not measured."""
    return rows[:, : count * window].reshape(len(rows), count, window)


def _factor(gram: Floats) -> tuple[Floats, bool]:
    """The Cholesky factor of (rows, rows, taps, taps), with as little added as lets it exist."""
    from scipy.linalg import LinAlgError, cho_factor

    rows, _, taps, _ = gram.shape
    square = np.swapaxes(gram, 1, 2).reshape(rows * taps, rows * taps)
    power = np.trace(square) / max(1, len(square))
    for small in SMALL:
        try:
            factor: tuple[Floats, bool] = cho_factor(
                square + small * power * np.eye(len(square)), lower=True, overwrite_a=True, check_finite=False
            )
            return factor
        except LinAlgError:
            continue
    raise ValueError("the references do not tell any filter")


def _solve(factor: tuple[Floats, bool], right_side: Floats) -> Floats:
    from scipy.linalg import cho_solve

    rows, taps, channels = right_side.shape
    solved = cho_solve(factor, right_side.reshape(rows * taps, channels), check_finite=False)
    return np.asarray(solved).reshape(rows, taps, channels)
