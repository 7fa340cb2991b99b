"""Whole songs, stem by stem: composed ones and MIDI files, played by soundfonts, kits and singers, put through a desk.

Every maker returns the stems of one song at the levels of its mix, all of one length, and what it used.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.systems.stems.making import parts, soundfont
from tonewheel.systems.stems.making.kits import Stroke
from tonewheel.systems.stems.making.soundfont import Played
from tonewheel.systems.stems.making.studio import Made, Studio

Audio = NDArray[np.float32]
RATE = 44_100
SONG_S = 48.0
LEVELS = {"vocals": 0.0, "drums": 0.0, "bass": -2.0, "harmonic": -1.0, "perc": -9.0}
"""Mean level of a stem beside the vocals, dB."""

# fmt: off
PROGRAMS = {
    "harmony": (0, 0, 1, 2, 4, 4, 5, 7, 16, 17, 18, 21, 24, 24, 25, 25, 26, 26, 27, 27, 28, 29, 29, 30, 30, 46, 61),
    "pad": (48, 48, 49, 49, 50, 51, 88, 89, 90, 91, 92, 94, 95, 16, 18, 19, 61),
    "arp": (0, 4, 5, 6, 8, 11, 12, 24, 25, 26, 27, 28, 45, 46, 80, 81, 82, 84, 87, 88, 98, 104, 107, 108),
    "lead": (22, 26, 27, 29, 29, 30, 30, 40, 41, 56, 57, 59, 60, 61, 64, 65, 66, 68, 71, 73, 75, 80, 81, 82, 83),
    "bass": (32, 33, 33, 33, 34, 34, 34, 35, 36, 37, 38, 38, 39, 39),
}
# fmt: on
"""Role of a composed part -> General MIDI programs (from 0) that may play it; some are likelier than others."""
OWN_STEMS = {"drums": "drums", "bass": "bass", "vocals": "vocals"}
"""Parts of `tonewheel.synth` -> stems; all others are harmonic."""


def composed(rng: np.random.Generator, studio: Studio, seed: int) -> Made:
    """A song of `tonewheel.synth` as a band would play it: sampled instruments, a real kit, a singer of speech."""
    from tonewheel.synth.compose import compose

    song = compose(seed, seconds=SONG_S + 6)
    seconds = min(SONG_S, song.seconds)
    made = Made({}, song.tempo_bpm, song.tonic % 12, song.mode)
    room = studio.rooms.draw(rng)
    heard = {part.name for part in song.parts}
    for part in song.parts:
        notes = [(n.start_s, n.duration_s, n.pitch, n.velocity) for n in part.notes if n.start_s < seconds]
        if studio.singers and (part.name == "vocals" or (part.name == "lead" and rng.random() < 0.6)):
            made.add("vocals", parts.sung(rng, studio, made, notes, seconds, room, song.beat_s))
            continue
        role = part.name if part.name in PROGRAMS else "harmony"
        program = int(rng.choice(PROGRAMS[role]))
        stem = "bass" if part.name == "bass" else "harmonic"
        made.add(stem, parts.instrument(rng, studio, made, notes, program, seconds, room, song.beat_s))
    if "bass" not in heard and rng.random() < 0.6:
        roots = [(c.start_s, c.end_s - c.start_s, 28 + (c.root - 28) % 12, 0.8) for c in song.chords]
        program = int(rng.choice(PROGRAMS["bass"]))
        made.add("bass", parts.instrument(rng, studio, made, roots, program, seconds, room, song.beat_s))
    strokes = [Stroke(e.onset_s, e.label, e.velocity) for e in song.drums]
    if studio.grooves and (not strokes or rng.random() < 0.7):
        strokes = parts.groove(rng, studio, made, song.tempo_bpm, seconds)
    if strokes and studio.kits and rng.random() < 0.95:
        made.add("drums", parts.drums(rng, studio, made, strokes, seconds))
    if rng.random() < 0.45:
        made.add("perc", parts.hands(rng, studio, made, song.tempo_bpm, seconds, room))
    return balanced(rng, made)


def from_midi(rng: np.random.Generator, studio: Studio, path: Path, start_s: float) -> Made:
    """A span of a MIDI file; half the time its percussion is played on a real kit, and a high part may be sung."""
    shift, stretch = int(rng.integers(-4, 5)), float(rng.uniform(0.88, 1.14))
    tracks, tempo = _notes_of(path, start_s, stretch)
    if not tracks:
        raise InputError(path, f"has no notes from {start_s:.0f} s on")
    made = Made({}, tempo, sources={f"music/midi/{path.name}"})
    room, seconds, beat_s = studio.rooms.draw(rng), SONG_S, 60 / tempo
    singer_takes = _most_melodic(tracks) if studio.singers and rng.random() < 0.65 else None
    for (channel, program), plain in tracks.items():
        notes = plain if channel == 9 else [(s, length, pitch + shift, v) for s, length, pitch, v in plain]
        if channel == 9:
            parts.percussion(rng, studio, made, notes, seconds, room)
        elif (channel, program) == singer_takes:
            made.add("vocals", parts.sung(rng, studio, made, notes, seconds, room, beat_s))
        else:
            if soundfont.stem_of(program) == "harmonic" and rng.random() < 0.35:
                family = [
                    p for p in range(program // 8 * 8, program // 8 * 8 + 8) if p not in soundfont.VOICES
                ]
                program = int(rng.choice(family))
            stem = soundfont.stem_of(program)
            made.add(stem, parts.instrument(rng, studio, made, notes, program, seconds, room, beat_s))
    if "drums" not in made.stems and studio.kits and studio.grooves and rng.random() < 0.6:
        made.add(
            "drums", parts.drums(rng, studio, made, parts.groove(rng, studio, made, tempo, seconds), seconds)
        )
    return balanced(rng, made)


def synthesised(seed: int) -> Made:
    """A song as `tonewheel.synth` renders it, which needs neither soundfont nor kit nor voice."""
    from tonewheel.synth.compose import compose
    from tonewheel.synth.render import render

    song = compose(seed, seconds=SONG_S)
    made = Made({}, song.tempo_bpm, song.tonic % 12, song.mode, {"tonewheel.synth"})
    for name, audio in render(song, RATE, channels=2, seconds=SONG_S).stems.items():
        made.add(OWN_STEMS.get(name, "harmonic"), audio)
    return made


def grooved(rng: np.random.Generator, studio: Studio) -> Made:
    """Drums alone, with hand percussion at times: a human groove on a real kit."""
    tempo = float(rng.uniform(75, 170))
    made = Made({}, tempo)
    made.add("drums", parts.drums(rng, studio, made, parts.groove(rng, studio, made, tempo, SONG_S), SONG_S))
    if rng.random() < 0.5:
        made.add("perc", parts.hands(rng, studio, made, tempo, SONG_S, studio.rooms.draw(rng)))
    return balanced(rng, made)


def balanced(rng: np.random.Generator, made: Made) -> Made:
    """Stems at the levels of a mix, give or take."""
    for stem, audio in list(made.stems.items()):
        block = audio[:, : audio.shape[1] // RATE * RATE].reshape(2, -1, RATE)
        level = float(np.sqrt(np.percentile(np.square(block).mean(axis=(0, 2)), 75)))
        if level < 1e-5:
            del made.stems[stem]
            continue
        wanted_db = -20 + LEVELS[stem] + rng.normal(0, 2.0)
        made.stems[stem] = np.asarray(audio * (10 ** (wanted_db / 20) / level), np.float32)
    return made


def _notes_of(
    path: Path, start_s: float, stretch: float
) -> tuple[dict[tuple[int, int], list[Played]], float]:
    """(channel, program) -> its notes in the `SONG_S` from `start_s` on, stretched, and the last tempo."""
    import mido

    programs = dict.fromkeys(range(16), 0)
    sounding: dict[tuple[int, int], tuple[float, int]] = {}
    tracks: dict[tuple[int, int], list[Played]] = {}
    now, tempo = 0.0, 120.0
    try:
        messages = list(mido.MidiFile(str(path), clip=True))
    except (OSError, EOFError, ValueError, IndexError, KeyError, TypeError) as error:
        raise InputError(path, f"is no MIDI file that can be read: {error}") from None
    for message in messages:
        now += message.time
        at = now * stretch - start_s
        if message.type == "set_tempo":
            tempo = float(mido.tempo2bpm(message.tempo)) / stretch
        if message.type == "program_change":
            programs[message.channel] = message.program
        if message.type not in ("note_on", "note_off"):
            continue
        key = (message.channel, message.note)
        if key in sounding:
            began, strength = sounding.pop(key)
            if 0 <= began < SONG_S:
                track = tracks.setdefault((message.channel, programs[message.channel]), [])
                track.append((began, max(at - began, 0.03), message.note, strength / 127))
        if message.type == "note_on" and message.velocity:
            sounding[key] = (at, message.velocity)
    return tracks, tempo


def _most_melodic(tracks: dict[tuple[int, int], list[Played]]) -> tuple[int, int] | None:
    """The part most like a voice: single notes of medium length above the bass."""
    best, score = None, 0.0
    for key, notes in tracks.items():
        channel, program = key
        if channel == 9 or soundfont.stem_of(program) == "bass" or len(notes) < 12:
            continue
        pitches, lengths = np.array([n[2] for n in notes]), np.array([n[1] for n in notes])
        alone = np.mean(np.diff(np.sort([n[0] for n in notes])) > 0.06)
        fit = alone * (52 < pitches.mean() < 84) * np.exp(-abs(np.log(np.median(lengths) / 0.4)))
        if fit > max(score, 0.3):
            best, score = key, float(fit)
    return best
