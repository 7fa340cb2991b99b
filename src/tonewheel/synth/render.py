"""A song becomes sound: each stem rendered once a distinct note, placed in the room, summed by a bus
compressor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.seeds import generator
from tonewheel.synth import effects
from tonewheel.synth.drums import VARIANTS, one_shot
from tonewheel.synth.song import Part, Song
from tonewheel.synth.voices import render_note

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Rendering:
    """Stems and their sum: float32, (samples,) or (2, samples); the stems add up to the mix."""

    stems: dict[str, Audio]
    mix: Audio
    sample_rate_hz: int


def _notes(part: Part, n: int, sample_rate_hz: int) -> Audio:
    """All notes of a part on one line. A (pitch, strength, syllable) is rendered once, at its greatest
    length.
    """
    instrument = part.instrument
    release = max(2, int(instrument.release_s * sample_rate_hz))
    fade = (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, release))).astype(np.float32) ** 1.5
    longest: dict[tuple[int, int, int], float] = {}
    keys = []
    for note in part.notes:
        level = min(2, int(note.velocity * 3))
        key = (note.pitch, level, note.syllable if instrument.synthesis == "sung" else 0)
        keys.append(key)
        longest[key] = max(longest.get(key, 0.0), note.duration_s + instrument.release_s)
    rendered = {
        key: render_note(instrument, key[0], min(seconds, 12.0) + 0.01, key[1], key[2], sample_rate_hz)
        for key, seconds in longest.items()
    }
    out = np.zeros(n + 1, dtype=np.float32)
    for note, key in zip(part.notes, keys, strict=True):
        start = round(note.start_s * sample_rate_hz)
        sound = rendered[key]
        held = min(int(note.duration_s * sample_rate_hz), len(sound) - release)
        if start >= n or held <= 0:
            continue
        gain = np.float32(note.velocity**1.5)
        end = min(n, start + held)
        out[start:end] += gain * sound[: end - start]
        tail = min(n, start + held + release) - (start + held)
        if tail > 0:
            out[start + held : start + held + tail] += gain * sound[held : held + tail] * fade[:tail]
    return out[:n]


def _drums(song: Song, n: int, sample_rate_hz: int) -> tuple[Audio, Audio]:
    """Left and right of the kit: kick and snare in the middle, hats, toms and cymbals spread as a drummer
    sits.
    """
    out = np.zeros((2, n), dtype=np.float32)
    spread = {
        "hihat": 0.35,
        "ride": -0.45,
        "crash": -0.3,
        "tom_high": 0.25,
        "tom_low": -0.35,
        "aux_percussion": -0.5,
    }
    shots: dict[tuple[str, int, int], Audio] = {}
    for index, event in enumerate(song.drums):
        start = round(event.onset_s * sample_rate_hz)
        if start >= n:
            continue
        level = min(3, int(event.velocity * 4))
        key = (event.label, level, index % VARIANTS)
        if key not in shots:
            shots[key] = one_shot(song.kit, *key, sample_rate_hz)
        shot = shots[key]
        gain = event.velocity**1.3
        if event.label == "hihat_open":  # the next closed hat chokes it
            closing = next(
                (
                    e.onset_s
                    for e in song.drums[index + 1 : index + 12]
                    if e.label in ("hihat_closed", "hihat_pedal") and e.onset_s > event.onset_s + 0.03
                ),
                None,
            )
            if closing is not None:
                stop = round((closing - event.onset_s) * sample_rate_hz)
                if stop < len(shot):
                    shot = shot[:stop].copy()
                    soft = min(len(shot), sample_rate_hz // 200)
                    shot[-soft:] *= np.linspace(1, 0, soft, dtype=np.float32)
        pan = next((value for name, value in spread.items() if event.label.startswith(name)), 0.0)
        stop = min(n, start + len(shot))
        out[0, start:stop] += np.float32(gain * (1 + pan)) * shot[: stop - start]
        out[1, start:stop] += np.float32(gain * (1 - pan)) * shot[: stop - start]
    return out[0], out[1]


def _level(audio: Audio, sample_rate_hz: int) -> float:
    """RMS of the loud half of the quarter seconds, so that rests do not count."""
    hop = sample_rate_hz // 4
    if len(audio) < hop:
        return float(np.sqrt(np.mean(audio**2))) if len(audio) else 0.0
    power = np.mean(audio[: len(audio) // hop * hop].reshape(-1, hop) ** 2, axis=1)
    loud = power[power >= 0.1 * power.max()]
    return float(np.sqrt(loud.mean()))


def _colour(part: Part, audio: Audio, song: Song, sample_rate_hz: int) -> Audio:
    audio = effects.drive(audio, part.instrument.drive, sample_rate_hz)
    if part.name not in ("bass",):
        audio = effects.high_pass(audio, 110.0 if part.name != "vocals" else 90.0, sample_rate_hz)
    audio = audio * np.float32(0.14 * effects.db(part.gain_db) / (_level(audio, sample_rate_hz) + 1e-9))
    return effects.echo(audio, part.delay_db, song.mix.delay_beats * song.beat_s, sample_rate_hz)


def render(
    song: Song, sample_rate_hz: int = 44100, *, channels: int = 1, seconds: float | None = None
) -> Rendering:
    """Render a song, or its first `seconds`; mono by default, stereo with `channels=2`.

    Deterministic bit for bit. Stems, as the song has them: drums, bass, harmony, pad, arp, vocals or lead.

    >>> from tonewheel.synth.compose import compose
    >>> rendering = render(compose(5), 16000, seconds=2.0)
    >>> rendering.mix.shape, bool(np.allclose(sum(rendering.stems.values()), rendering.mix, atol=1e-6))
    ((32000,), True)
    """
    length_s = song.seconds if seconds is None else min(seconds, song.seconds)
    n = round(length_s * sample_rate_hz)
    response = [
        effects.room_response(
            generator(song.mix.seed, "room", side),
            song.mix.reverb_s,
            song.mix.reverb_bright_hz,
            sample_rate_hz,
        )
        for side in range(channels)
    ]
    kicks = [event.onset_s for event in song.drums if event.label == "kick"]
    stems: dict[str, Audio] = {}
    if song.drums:
        left, right = _drums(song, n, sample_rate_hz)
        sides = [0.5 * (left + right)] if channels == 1 else [left, right]
        scale = np.float32(0.55 * effects.db(song.mix.drums_db))
        wet = np.float32(effects.db(song.mix.drums_reverb_db))
        stems["drums"] = _join(
            [
                scale * (side + wet * effects.reverberate(side, room))
                for side, room in zip(sides, response, strict=True)
            ]
        )
    for part in song.parts:
        dry = _colour(part, _notes(part, n, sample_rate_hz), song, sample_rate_hz)
        if part.duck and kicks:
            dry = dry * effects.duck_gain(kicks, part.duck, n, sample_rate_hz)
        wet = np.float32(effects.db(part.reverb_db))
        placed: list[Audio] = []
        for side, room in enumerate(response):
            direct = effects.chorus(dry, part.chorus, side * 1.6, sample_rate_hz) if part.chorus else dry
            pan = np.float32(1.0 if channels == 1 else 1 + part.pan * (1 - 2 * side))
            placed.append(
                pan * direct
                + (wet * effects.reverberate(dry, room) if part.reverb_db > -28 else np.float32(0))
            )
        stems[part.name] = _join(placed)
    total = np.zeros((n,) if channels == 1 else (channels, n), dtype=np.float32)
    tone = (song.mix.tilt_db, song.mix.low_db, song.mix.low_pass_hz)
    for name in stems:
        stems[name] = effects.equalise(stems[name], *tone, sample_rate_hz)
        total += stems[name]
    gain = effects.bus_gain(
        total, song.mix.compress_db, sample_rate_hz, song.mix.peak, song.mix.unlimited_percent
    )
    gain *= np.float32(
        min(1.0, 0.98 / (float(np.abs(total * gain).max(initial=0.0)) + 1e-9))
    )  # a peak inside a ramp
    tail = min(n, int(0.3 * sample_rate_hz)) if length_s >= song.seconds else 0
    if tail:
        gain[-tail:] *= np.linspace(1, 0, tail, dtype=np.float32)
    stems = {name: stem * gain for name, stem in stems.items()}
    mix = np.zeros_like(total)
    for stem in stems.values():
        mix += stem
    return Rendering(stems, mix, sample_rate_hz)


def _join(sides: list[Audio]) -> Audio:
    return np.asarray(sides[0] if len(sides) == 1 else np.stack(sides), dtype=np.float32)
