"""A transcription as a page: figures, the spectrogram with the hits over it, and the sound."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.audio.encode import write
from tonewheel.core.units import format_time_s
from tonewheel.gates import html
from tonewheel.systems.drums.transcribe import Transcription
from tonewheel.systems.drums.writing.picture import draw

Floats = NDArray[np.float32]

RATE_HZ = 44_100
SHOWN_S = 96.0
"""Longer recordings are shown and heard so far; their table counts all of them."""
KBPS = 112.0


def page_of(one: Transcription) -> str:
    """The page of a transcription; its recording is read once more, at most 96 s of it."""
    audio, rate = load(one.path, sample_rate_hz=RATE_HZ, duration_s=SHOWN_S)
    shown = "" if one.seconds <= SHOWN_S else f" The first {SHOWN_S:g} s are shown and can be heard."
    tempo = one.tempo
    sections = [
        html.section(
            "What was found",
            html.cards(
                [
                    ("hits", len(one.hits), f"in {format_time_s(one.seconds)}"),
                    ("tempo", f"{tempo.bpm:.1f}", f"BPM, probability {tempo.confidence:.0%}"),
                    ("meter", tempo.meter, "" if tempo.meter_sure else "not sure: the usual guess"),
                    ("first bar", f"{tempo.offset_s:.3f} s", f"{len(tempo.timing.points)} timing points"),
                ]
            ),
            html.table(["drum", "hits", "mean velocity", "mean confidence"], _rows(one)),
        ),
        html.section(
            "Hits over the sound",
            html.Markup(f"<div class=scroll>{html.figure(draw(audio, rate, one.hits, tempo.timing))}</div>"),
            "A dot is a hit, larger when it is harder; hollow dots are open hats and crashes. Strokes between"
            f" the lanes are beats, firm ones bars.{shown}",
            html.player(mp3(audio, rate), Path(one.path).name, "audio/mpeg"),
        ),
    ]
    return html.page(f"Drums of {Path(one.path).name}", sections, footer=f"Weights {one.model[:12]}")


def _rows(one: Transcription) -> list[list[object]]:
    rows: list[list[object]] = []
    for label, count in one.tally().items():
        its = [hit for hit in one.hits if hit.label == label]
        velocity, confidence = (
            float(np.mean([getattr(h, name) for h in its])) for name in ("velocity", "confidence")
        )
        rows.append([label, count, velocity, confidence])
    return rows


def mp3(audio: Floats, sample_rate_hz: int, kbps: float = KBPS) -> bytes:
    """Sound that every browser plays, (samples,) or (channels, samples) -> bytes; peak at -1 dB."""
    loudest = max(float(np.abs(audio).max(initial=0.0)), 1e-4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.mp3"
        write(path, audio * np.float32(0.89 / loudest), sample_rate_hz, bitrate_kbps=kbps)
        return path.read_bytes()
