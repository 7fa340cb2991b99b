"""One stem, or one part of it, as it leaves the desk: a kit, hand percussion, an instrument, a voice.

Each function plays notes or strokes with what a studio has, puts them through amplifier, tone, compression and room,
and notes in `made` what it used. Shape of all: (2, samples) at 44.1 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.manifest.components import gm_label
from tonewheel.synth.effects import high_pass
from tonewheel.systems.stems.making import desk, soundfont
from tonewheel.systems.stems.making.kits import Stroke, drum
from tonewheel.systems.stems.making.singer import Sung, draw_manner, sing
from tonewheel.systems.stems.making.soundfont import Played
from tonewheel.systems.stems.making.studio import Made, Studio

Audio = NDArray[np.float32]
RATE = 44_100
HAND_FIGURES = (
    # (notes, steps of 16 on which they fall)
    ((54,), (4, 12)),
    ((54,), tuple(range(0, 16, 2))),
    ((70,), tuple(range(16))),
    ((82, 70), tuple(range(16))),
    ((69,), tuple(range(0, 16, 2))),
    ((62, 63, 64), (0, 3, 4, 6, 8, 10, 11, 14)),
    ((60, 61), (0, 2, 3, 4, 6, 8, 10, 11, 12, 14)),
    ((56,), (0, 4, 8, 12)),
    ((56,), (0, 3, 6, 10, 12)),
    ((75,), (0, 3, 6, 10, 12)),
    ((39,), (4, 12)),
    ((73, 74), (0, 4, 6, 8, 12, 14)),
    ((80, 81), (0, 2, 4, 6, 8, 10, 12, 14)),
)


def drums(
    rng: np.random.Generator, studio: Studio, made: Made, strokes: Sequence[Stroke], seconds: float
) -> Audio:
    """A kit with its own room, tone and compression."""
    kit = studio.kits[int(rng.integers(len(studio.kits)))]
    made.sources.add(f"kit {kit.name}: {kit.licence}")
    audio = drum(rng, kit, strokes, seconds)
    if rng.random() < 0.25:
        audio = np.repeat(audio.mean(axis=0, keepdims=True), 2, axis=0)
    audio = desk.tone(rng, audio, 5.0)
    if rng.random() < 0.6:
        audio = desk.squash(rng, audio)
    if rng.random() < 0.4:
        audio = desk.warm(rng, audio)
    if rng.random() < 0.75:
        audio = desk.put_in_room(rng, audio, studio.rooms.draw(rng, 1.4), float(rng.uniform(-26, -6)))
    return audio


def hands(
    rng: np.random.Generator, studio: Studio, made: Made, tempo_bpm: float, seconds: float, room: Audio
) -> Audio:
    """Shaker, tambourine, congas and so on, in sixteenths with the unevenness of hands."""
    total = np.zeros((2, round(seconds * RATE)), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        pitches, steps = HAND_FIGURES[int(rng.integers(len(HAND_FIGURES)))]
        step_s, notes = 15 / tempo_bpm, []
        for bar in range(int(seconds / step_s / 16) + 1):
            if bar % 8 == 0:
                rests = rng.random() < 0.2
            for step in steps:
                if rests or rng.random() < 0.06:
                    continue
                onset = (bar * 16 + step) * step_s + rng.normal(0, 0.008)
                velocity = float(np.clip((0.8 if step % 4 == 0 else 0.55) + rng.normal(0, 0.1), 0.1, 1))
                notes.append((max(0.0, onset), 0.2, int(rng.choice(pitches)), velocity))
        audio = soundfont.play(notes, 0, _font(rng, studio, made), seconds, percussion=True)
        audio = desk.place(rng, audio.mean(axis=0), 0.4, 80.0)
        total += desk.tone(rng, audio, 5.0) * np.float32(rng.uniform(0.5, 1) / desk.rms(audio))
    return desk.put_in_room(rng, total, room, float(rng.uniform(-28, -8)))


def percussion(
    rng: np.random.Generator, studio: Studio, made: Made, notes: list[Played], seconds: float, room: Audio
) -> None:
    by_hand = [note for note in notes if note[2] in soundfont.BY_HAND]
    kit = [note for note in notes if note[2] not in soundfont.BY_HAND]
    if kit and studio.kits and rng.random() < 0.6:
        named = [(start, gm_label(pitch), velocity) for start, _, pitch, velocity in kit]
        made.add("drums", drums(rng, studio, made, [Stroke(s, n, v) for s, n, v in named if n], seconds))
    elif kit:
        program = int(rng.choice([0, 8, 16, 24, 25, 32, 40]))
        audio = soundfont.play(kit, program, _font(rng, studio, made), seconds, percussion=True)
        audio = desk.squash(rng, desk.tone(rng, audio))
        made.add("drums", desk.put_in_room(rng, audio, room, float(rng.uniform(-28, -9))))
    if by_hand:
        audio = soundfont.play(by_hand, 0, _font(rng, studio, made), seconds, percussion=True)
        made.add("perc", desk.put_in_room(rng, desk.tone(rng, audio), room, float(rng.uniform(-28, -9))))


def instrument(
    rng: np.random.Generator,
    studio: Studio,
    made: Made,
    notes: list[Played],
    program: int,
    seconds: float,
    room: Audio,
    beat_s: float,
) -> Audio:
    """One part through its amplifier and the desk."""
    audio = soundfont.play(notes, program, _font(rng, studio, made), seconds)
    mono = audio.mean(axis=0)
    if desk.rms(mono) < 1e-6:
        return audio
    is_bass = program in soundfont.BASSES
    if program in soundfont.GUITARS and program not in (24, 25):
        # Sampled clean guitars drive the amplifier; the sampled distorted ones are already loud.
        heat = float(rng.uniform(0.4, 1.0)) if program in soundfont.DISTORTED else float(rng.uniform(0, 0.6))
        if program in soundfont.DISTORTED and rng.random() < 0.6:
            mono = soundfont.play(notes, int(rng.choice([27, 28])), _font(rng, studio, made), seconds).mean(
                axis=0
            )
        mono = desk.amplifier(rng, mono, heat)
    elif is_bass and rng.random() < 0.4:
        mono = mono / np.float32(desk.rms(mono))
        mono = mono + np.float32(rng.uniform(0.1, 0.6)) * desk.amplifier(
            rng, mono, float(rng.uniform(0, 0.7))
        )
    elif rng.random() < 0.15:
        mono = desk.warm(rng, mono, 8.0)
    mono = mono * np.float32(0.1 / desk.rms(mono))
    if is_bass:
        stereo = desk.squash(rng, desk.tone(rng, desk.place(rng, mono, 0.0)))
        wet = float(rng.uniform(-50, -20))
    elif desk.rms(audio[0] - audio[1]) > 0.1 * desk.rms(audio) and rng.random() < 0.4:
        stereo = desk.tone(rng, audio * np.float32(0.1 / desk.rms(audio)))
        wet = float(rng.uniform(-30, -8))
    else:
        stereo = desk.tone(rng, desk.place(rng, mono, 0.45, float(rng.uniform(40, 180))))
        wet = float(rng.uniform(-32, -6))
    if rng.random() < 0.3:
        stereo = desk.squash(rng, stereo)
    if not is_bass and rng.random() < 0.15:
        stereo = desk.delayed(rng, stereo, beat_s)
    return desk.put_in_room(rng, stereo, room, wet)


def sung(
    rng: np.random.Generator,
    studio: Studio,
    made: Made,
    notes: list[Played],
    seconds: float,
    room: Audio,
    beat_s: float,
) -> Audio:
    """A lead voice, at times with itself doubled or with others above."""
    melody = _top_line(notes)
    singer, speech = studio.singers[int(rng.integers(len(studio.singers)))]
    made.sources.add(f"voice {singer}")
    manner = draw_manner(rng)
    centre = float(rng.uniform(48, 60) if manner.throat < 1.0 else rng.uniform(56, 69))
    octaves = 12 * round((centre - float(np.median([n[2] for n in melody]))) / 12)
    lead = [Sung(start, length, pitch + octaves, velocity) for start, length, pitch, velocity in melody]
    voice = _voice_channel(rng, sing(rng, manner, speech, lead, seconds))
    total = desk.place(rng, voice, 0.04)
    if rng.random() < 0.25:
        again = _voice_channel(
            rng, sing(rng, manner, speech, [n._replace(start_s=n.start_s + 0.012) for n in lead], seconds)
        )
        total = total + np.float32(rng.uniform(0.3, 0.9)) * desk.place(rng, again, 0.5)
    if rng.random() < 0.35:
        other_name, other = studio.singers[int(rng.integers(len(studio.singers)))]
        made.sources.add(f"voice {other_name}")
        for interval in rng.choice([-12, -8, -5, -3, 3, 4, 5, 7, 12], size=int(rng.integers(1, 4))):
            above = [n._replace(pitch=n.pitch + int(interval)) for n in lead if n.seconds > 0.15]
            part = _voice_channel(rng, sing(rng, draw_manner(rng), other, above, seconds))
            total = total + np.float32(rng.uniform(0.15, 0.6)) * desk.place(rng, part, 0.7)
    if rng.random() < 0.4:
        total = desk.delayed(rng, total, beat_s)
    return desk.put_in_room(rng, total, room, float(rng.uniform(-28, -6)))


def groove(
    rng: np.random.Generator, studio: Studio, made: Made, tempo_bpm: float, seconds: float
) -> list[Stroke]:
    """A human groove of a similar tempo, stretched to the song's and repeated."""
    near = [g for g in studio.grooves if 0.75 < g[1] / tempo_bpm < 1.33 and len(g[2]) > 30] or list(
        studio.grooves
    )
    name, bpm, strokes = near[int(rng.integers(len(near)))]
    made.sources.add(f"groove {name}")
    stretch = bpm / tempo_bpm
    bar_s = 240 / tempo_bpm
    length = max(bar_s, round(strokes[-1].onset_s * stretch / bar_s) * bar_s)
    rounds = int(seconds / length) + 1
    return [
        Stroke(s.onset_s * stretch + turn * length, s.label, s.velocity)
        for turn in range(rounds)
        for s in strokes
        if s.onset_s * stretch < length - 0.02
    ]


def _font(rng: np.random.Generator, studio: Studio, made: Made) -> Path:
    font = studio.soundfonts[int(rng.integers(len(studio.soundfonts)))]
    made.sources.add(f"soundfont {font.name}")
    return font


def _voice_channel(rng: np.random.Generator, voice: Audio) -> Audio:
    stages: list[Callable[[Audio], Audio]] = [lambda a: desk.tone(rng, a, 5.0)]
    if rng.random() < 0.8:
        stages.append(lambda a: desk.squash(rng, a))
    if rng.random() < 0.25:
        stages.append(lambda a: desk.warm(rng, a))
    audio = high_pass(voice, float(rng.uniform(70, 140)), RATE)[None]
    for stage in stages:
        audio = stage(audio)
    return np.asarray(audio[0])


def _top_line(notes: list[Played]) -> list[Played]:
    """The highest note wherever several sound."""
    line: list[Played] = []
    for note in sorted(notes, key=lambda n: (round(n[0], 2), -n[2])):
        if line and note[0] < line[-1][0] + 0.08:
            continue
        line.append(note)
    return line
