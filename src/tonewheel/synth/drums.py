"""Drum kits as numbers, and one hit as sound: sine sweeps, modes, inharmonic squares and filtered noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.core.seeds import generator

Audio = NDArray[np.float32]
LABELS = (
    "kick",
    "snare",
    "cross_stick",
    "hihat_closed",
    "hihat_open",
    "hihat_pedal",
    "crash",
    "ride",
    "tom_high",
    "tom_mid",
    "tom_low",
    "aux_percussion",
)
VARIANTS = 4
LEVELS_DB = {
    "kick": 0.0,
    "snare": -1.0,
    "cross_stick": -9.0,
    "hihat_closed": -13.0,
    "hihat_open": -12.0,
    "hihat_pedal": -17.0,
    "crash": -7.0,
    "ride": -12.0,
    "tom_high": -4.0,
    "tom_mid": -3.5,
    "tom_low": -3.0,
    "aux_percussion": -13.0,
}


class Kit(Record):
    """One drum kit; frequencies in Hz, decays in seconds, mixes 0..1."""

    kind: str
    seed: int
    kick_hz: float
    kick_sweep: float
    kick_decay_s: float
    kick_click: float
    snare_hz: float
    snare_decay_s: float
    snare_noise: float
    snare_bright_hz: float
    hat_hz: float
    hat_closed_s: float
    hat_open_s: float
    cymbal_hz: float
    cymbal_decay_s: float
    tom_hz: float
    tom_decay_s: float
    clap: float
    crush: float
    aux: str


def draw_kit(rng: np.random.Generator, kind: str) -> Kit:
    """A kit of a kind: acoustic, electronic, lofi, hand, orchestral or chip."""
    electronic = kind in ("electronic", "lofi", "chip")
    return Kit(
        kind=kind,
        seed=int(rng.integers(2**31)),
        kick_hz=float(rng.uniform(42, 58) if electronic else rng.uniform(50, 72)),
        kick_sweep=float(rng.uniform(2, 6) if electronic else rng.uniform(0.8, 2.2)),
        kick_decay_s=float(rng.uniform(0.1, 0.4) if electronic else rng.uniform(0.06, 0.16)),
        kick_click=float(rng.uniform(0.05, 0.5)),
        snare_hz=float(rng.uniform(150, 240)),
        snare_decay_s=float(rng.uniform(0.05, 0.16)),
        snare_noise=float(rng.uniform(0.5, 0.85)),
        snare_bright_hz=float(rng.uniform(3000, 8000)),
        hat_hz=float(rng.uniform(300, 560)),
        hat_closed_s=float(rng.uniform(0.018, 0.05)),
        hat_open_s=float(rng.uniform(0.2, 0.5)),
        cymbal_hz=float(rng.uniform(230, 420)),
        cymbal_decay_s=float(rng.uniform(0.3, 0.9)),
        tom_hz=float(rng.uniform(75, 105)),
        tom_decay_s=float(rng.uniform(0.12, 0.35)),
        clap=float(rng.random() < (0.5 if electronic else 0.0)),
        crush={"lofi": 0.6, "chip": 1.0}.get(kind, 0.0),
        aux=str(rng.choice(["shaker", "tambourine", "cowbell", "conga"])),
    )


def _band(
    noise: NDArray[np.float32], low_hz: float, high_hz: float, sample_rate_hz: int
) -> NDArray[np.float32]:
    from scipy.signal import butter, sosfilt

    top = 0.47 * sample_rate_hz
    low_hz = min(low_hz, 0.7 * top)
    sos = (
        butter(1, [low_hz, high_hz], "bandpass", fs=sample_rate_hz, output="sos")
        if high_hz < top
        else butter(2, low_hz, "highpass", fs=sample_rate_hz, output="sos")
    )
    return np.asarray(sosfilt(sos, noise), dtype=np.float32)


def _sweep(t: NDArray[np.float32], hz: float, octaves: float, fall_s: float) -> NDArray[np.float32]:
    """A sine that falls exponentially to `hz` from `octaves` above."""
    phase = hz * (t + (2**octaves - 1) * fall_s * (1 - np.exp(-t / fall_s)))
    return np.asarray(np.sin(2 * np.pi * phase), dtype=np.float32)


def _metal(
    t: NDArray[np.float32], base_hz: float, rng: np.random.Generator, sample_rate_hz: int
) -> NDArray[np.float32]:
    """Clashing inharmonic squares, as analogue drum machines make cymbals, with noise over them."""
    out = rng.standard_normal(len(t)).astype(np.float32) * 0.7
    for ratio in (1.0, 1.342, 1.2312, 1.6532, 1.9523, 2.1523):
        out += 0.4 * np.sign(
            np.sin(2 * np.pi * base_hz * ratio * rng.uniform(0.995, 1.005) * t + rng.uniform(0, 6))
        ).astype(np.float32)
    return out


def one_shot(kit: Kit, label: str, level: int, variant: int, sample_rate_hz: int) -> Audio:
    """One hit, (samples,) float32, RMS-independent peak near the label's level; onset at the first sample.

    `level` 0..3 is ghost to accent (softer is duller and shorter), `variant` 0..3 varies the strike.

    >>> kit = draw_kit(np.random.default_rng(0), "acoustic")
    >>> float(np.abs(one_shot(kit, "snare", 3, 0, 16000)).max()) <= 1.0
    True
    """
    rng = generator(kit.seed, label, level, variant)
    hard = (level + 1) / 4
    decays = {
        "kick": 6 * kit.kick_decay_s,
        "snare": 7 * kit.snare_decay_s,
        "cross_stick": 0.15,
        "hihat_closed": 7 * kit.hat_closed_s,
        "hihat_open": 3.5 * kit.hat_open_s,
        "hihat_pedal": 0.15,
        "crash": 3.5 * kit.cymbal_decay_s,
        "ride": 2.2 * kit.cymbal_decay_s,
        "aux_percussion": 0.3,
    }
    seconds = decays.get(label, 6 * kit.tom_decay_s)
    t = np.arange(int(seconds * sample_rate_hz), dtype=np.float32) / np.float32(sample_rate_hz)
    tune = float(1 + rng.normal(0, 0.006))
    noise = rng.standard_normal(len(t)).astype(np.float32)
    if label == "kick":
        out = _sweep(t, kit.kick_hz * tune, kit.kick_sweep * (0.7 + 0.3 * hard), 0.018) * np.exp(
            -t / kit.kick_decay_s
        )
        out = out + kit.kick_click * hard * _band(noise, 1500, 5000, sample_rate_hz) * np.exp(-t / 0.004)
        if kit.kind in ("acoustic", "hand", "orchestral"):
            out = out + 0.25 * _band(noise, 80, 400, sample_rate_hz) * np.exp(-t / 0.03)
    elif label == "snare" and kit.clap and variant % 2 == 0 and kit.kind == "electronic":
        pulses = sum(np.where(t >= delay, np.exp(-(t - delay) / 0.006), 0) for delay in (0.0, 0.010, 0.021))
        out = _band(noise, 900, 3000, sample_rate_hz) * (pulses + 0.7 * np.exp(-t / kit.snare_decay_s)) * 1.4
    elif label == "snare":
        body = _sweep(t, kit.snare_hz * tune, 0.35, 0.02) + 0.6 * _sweep(
            t, kit.snare_hz * 1.68 * tune, 0.2, 0.02
        )
        wires = _band(noise, 900, kit.snare_bright_hz * (0.6 + 0.5 * hard), sample_rate_hz)
        out = (1 - kit.snare_noise) * body * np.exp(
            -t / (0.6 * kit.snare_decay_s)
        ) + 1.2 * kit.snare_noise * wires * np.exp(-t / (kit.snare_decay_s * (0.6 + 0.4 * hard)))
    elif label == "cross_stick":
        out = (np.sin(2 * np.pi * 1700 * tune * t) + 0.5 * np.sin(2 * np.pi * 520 * tune * t)) * np.exp(
            -t / 0.012
        ) + 0.3 * _band(noise, 1000, 4000, sample_rate_hz) * np.exp(-t / 0.006)
    elif label.startswith("hihat"):
        fall = {"hihat_closed": kit.hat_closed_s, "hihat_open": kit.hat_open_s, "hihat_pedal": 0.025}[label]
        metal = _metal(t, kit.hat_hz * tune, rng, sample_rate_hz)
        out = _band(metal, 5200 + 1200 * hard, 30000, sample_rate_hz) * np.exp(
            -t / (fall * (0.6 + 0.4 * hard))
        )
        out = out + 0.15 * _band(metal, 2500, 5000, sample_rate_hz) * np.exp(-t / (0.5 * fall))
    elif label in ("crash", "ride"):
        metal = _metal(t, kit.cymbal_hz * (1.5 if label == "ride" else 1.0) * tune, rng, sample_rate_hz)
        wash = _band(metal, 3000, 30000, sample_rate_hz) * np.exp(-t / kit.cymbal_decay_s)
        low = _band(metal, 600, 3500, sample_rate_hz) * np.exp(-t / (0.35 * kit.cymbal_decay_s))
        out = wash + 0.5 * low if label == "crash" else 0.25 * wash * np.exp(-t / 0.25) + 0.08 * low
        if label == "ride":
            ping = sum(np.sin(2 * np.pi * kit.cymbal_hz * r * tune * t) for r in (7.3, 9.1, 12.4))
            out = (
                out
                + 0.25 * ping * np.exp(-t / 0.12)
                + 0.3 * _band(noise, 4000, 30000, sample_rate_hz) * np.exp(-t / 0.01)
            )
    elif label.startswith("tom"):
        hz = kit.tom_hz * {"tom_low": 1.0, "tom_mid": 1.38, "tom_high": 1.85}[label] * tune
        out = (
            _sweep(t, hz, 0.5 * hard, 0.05) * np.exp(-t / kit.tom_decay_s)
            + 0.3 * _sweep(t, hz * 1.6, 0.3, 0.04) * np.exp(-t / (0.5 * kit.tom_decay_s))
            + 0.15 * _band(noise, 300, 2500, sample_rate_hz) * np.exp(-t / 0.012)
        )
    else:
        out = _auxiliary(kit, t, noise, tune, sample_rate_hz)
    if kit.crush:
        out = np.round(out * 16) / 16 if kit.crush >= 1 else np.tanh(1.8 * out)
    softer = 1.0 - 0.12 * (3 - level) / 3
    out = np.asarray(out, dtype=np.float32) * np.minimum(1, t * 4000)
    fade = min(len(out), max(8, len(out) // 8))
    out[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    gain = 0.8 * 10 ** (LEVELS_DB[label] / 20) * softer / (float(np.abs(out).max()) + 1e-9)
    return np.asarray(out * gain, dtype=np.float32)


def _auxiliary(
    kit: Kit, t: NDArray[np.float32], noise: NDArray[np.float32], tune: float, sample_rate_hz: int
) -> NDArray[np.float32]:
    if kit.aux == "cowbell":
        pair = np.sign(np.sin(2 * np.pi * 545 * tune * t)) + np.sign(np.sin(2 * np.pi * 818 * tune * t))
        return np.asarray(_band(pair.astype(np.float32), 500, 3000, sample_rate_hz) * np.exp(-t / 0.05))
    if kit.aux == "conga":
        return np.asarray(_sweep(t, 2.3 * kit.tom_hz * tune, 0.2, 0.01) * np.exp(-t / 0.07))
    fall, low = (0.03, 4500.0) if kit.aux == "shaker" else (0.07, 6000.0)
    return np.asarray(_band(noise, low, 30000, sample_rate_hz) * np.exp(-t / fall) * np.minimum(1, t / 0.003))
