"""A score becomes a performance: tempo, key, instruments, form, micro-timing and dynamics, all labelled in
seconds.
"""

from __future__ import annotations

import numpy as np

from tonewheel.core.seeds import generator
from tonewheel.synth.drums import draw_kit
from tonewheel.synth.harmony import chord_pitches, degree_pitch, quality, voice_lead
from tonewheel.synth.instruments import Instrument, draw_instrument
from tonewheel.synth.parts import Event, arpeggio, bass_line, comping
from tonewheel.synth.rhythm import section_drums
from tonewheel.synth.score import ENERGY, Score
from tonewheel.synth.song import METRES, Chord, DrumEvent, Mix, Note, Part, Section, Song
from tonewheel.synth.styles import STYLES

LEAD_IN_S = 0.05


class Clock:
    """Steps to seconds: tempo, and swing as a piecewise linear warp inside each pair of eighths."""

    def __init__(self, tempo_bpm: float, steps_per_beat: int, swing: float) -> None:
        self.step_s = 60.0 / tempo_bpm / steps_per_beat
        self.swing = swing if steps_per_beat == 4 else 0.5

    def __call__(self, step: float) -> float:
        """Seconds of a (fractional) step."""
        pair, inside = divmod(step, 4)
        warped = (
            inside * 2 * self.swing if inside < 2 else 4 * self.swing + (inside - 2) * 2 * (1 - self.swing)
        )
        return LEAD_IN_S + (4 * pair + warped) * self.step_s


def perform(
    score: Score,
    seed: int,
    performance: int,
    target_s: float,
    *,
    tempo_bpm: float,
    tonic: int,
    form: tuple[tuple[str, int, int], ...],
    players: int,
    playing: int,
) -> Song:
    """Play a score. `players` seeds instruments and mix, `playing` patterns, timing and dynamics; form holds
    (section name, bars, source)."""
    style = STYLES[score.style]
    beats, steps = METRES[score.metre]
    bar = beats * steps
    clock = Clock(tempo_bpm, steps, score.swing)
    rng = generator(players, "players", score.style)
    roles = _cast(rng, score)
    figures = generator(playing, "figures")
    line = str(figures.choice(style.bass_lines))
    how = {name: str(figures.choice(style.comping)) for name in ("verse", "chorus", "bridge")}
    rhythms = {name: _comping_rhythm(figures, bar, steps) for name in ("verse", "chorus", "bridge")}
    shape = tuple(
        int(tone)
        for tone in figures.choice([0, 1, 2, 3, 4, 5, -1], size=int(figures.choice([4, 6, 8, 8, 16])))
    )
    every = int(figures.choice([1, 2, 2])) if steps == 4 else 2
    groove = str(figures.choice(style.groove))
    drumming = style.drums > 0 and figures.random() < 0.3 + 0.62 * style.drums
    dynamics = float(figures.uniform(0.15, 0.9))

    tracks: dict[str, list[Event]] = {name: [] for name in roles}
    lead_notes: list[tuple[float, float, int, float, int]] = []
    hits: list[tuple[float, str, float]] = []
    sections: list[Section] = []
    chords: list[Chord] = []
    voicing: tuple[int, ...] = ()
    seen: dict[str, int] = {}
    at = 0
    transpose = tonic if tonic <= 6 else tonic - 12
    deep = "bass" in roles and roles["bass"].family == "bass_sub"
    lead_base = _register(score, roles["lead"], transpose)
    for position, (name, bars, source) in enumerate(form):
        material = score.material[name]
        occurrence = seen[name] = seen.get(name, -1) + 1
        energy = ENERGY[name]
        loud = (energy * (1.0 if occurrence == 0 else 1.08)) ** dynamics
        stage = {"chorus": "chorus", "bridge": "bridge", "solo": "chorus"}.get(name, "verse")
        length = bars * bar
        sections.append(
            Section(name=name, start_s=clock(at), end_s=clock(at + length), bars=bars, source=source)
        )
        active = _active(
            generator(playing, "active", name, min(occurrence, 2)), roles, name, energy, occurrence
        )
        varied = generator(playing, "section", name)
        for index, offset in enumerate(range(0, length, material.slot_steps)):
            degree, seventh = material.degrees[index], material.sevenths[index]
            slot = min(material.slot_steps, length - offset)
            start = at + offset
            tones = chord_pitches(score.mode, degree, seventh)
            root_class = (tones[0] + tonic) % 12
            chords.append(
                Chord(
                    start_s=clock(start),
                    end_s=clock(start + slot),
                    root=root_class,
                    quality=quality(score.mode, degree, seventh),
                )
            )
            voicing = voice_lead(tuple((tone + tonic) % 12 for tone in tones), voicing, 62.0) or voicing
            root = 28 + (root_class - 28) % 12 + (12 if root_class in (0, 1, 2, 3) and not deep else 0)
            following = root
            if index + 1 < len(material.degrees):
                following = 28 + (degree_pitch(score.mode, material.degrees[index + 1]) + tonic - 28) % 12
            fifth = root + (tones[2] - tones[0])
            before = {role: len(events) for role, events in tracks.items()}
            if "bass" in active:
                figure = line if energy > 0.4 or line == "walking" else "roots"
                tracks["bass"] += bass_line(varied, figure, root, fifth, start, slot, steps, following)
            if "harmony" in active:
                tracks["harmony"] += comping(
                    varied, how[stage], voicing, root, start, slot, steps, rhythms[stage], 1 / clock.step_s
                )
            if "pad" in active:
                tracks["pad"] += [
                    (start, slot, pitch, 0.6 + 0.2 * energy) for pitch in (voicing[0], *voicing[1:])
                ]
            if "arp" in active:
                tracks["arp"] += arpeggio(varied, shape, voicing, start, slot, every)
            for role, count in before.items():
                tracks[role][count:] = [
                    (on, long, pitch, velocity * loud) for on, long, pitch, velocity in tracks[role][count:]
                ]
        if "lead" in active:
            instrumental = name in ("intro", "outro", "break")
            for tune in material.tune:
                if tune.step >= length:
                    break
                pitch = lead_base + transpose + degree_pitch(score.mode, tune.degree)
                lasting = min(tune.steps, length - tune.step)
                lead_notes.append(
                    (
                        at + tune.step,
                        lasting * 0.96,
                        pitch,
                        (0.55 + 0.35 * tune.accent) * loud**0.8,
                        tune.syllable + (0 if instrumental else 5 * (tune.step % 3 == 0)),
                    )
                )
        if (
            drumming
            and (name not in ("intro", "outro") or style.drums > 0.5)
            and style.drums * 1.6 > energy - 0.75
        ):
            drums = section_drums(
                generator(playing, "drums", name),
                groove,
                name,
                bars,
                bar,
                steps,
                style.drums,
                position == len(form) - 1,
            )
            hits += [(at + step, label, velocity * loud**0.5) for step, label, velocity in drums]
        at += length
    human = generator(playing, "human")
    scale = style.humanise_ms / 1000
    end_s = clock(at)
    parts = []
    for role, instrument in roles.items():
        if role == "lead":
            events: list[tuple[float, float, int, float, int]] = lead_notes
        else:
            events = [(start, length, pitch, velocity, 0) for start, length, pitch, velocity in tracks[role]]
        notes = _humanise(human, events, clock, scale, instrument)
        if notes:
            parts.append(_place(generator(players, "place", role), role, instrument, notes, score))
    offsets = np.clip(human.normal(0, 0.5 * scale, size=len(hits)), -0.02, 0.02)
    swells = human.normal(0, 0.05 if scale > 0.002 else 0.01, size=len(hits))
    drums_out = sorted(
        (
            (max(0.0, clock(step) + float(offset)), label, float(np.clip(velocity + swell, 0.05, 1.0)))
            for (step, label, velocity), offset, swell in zip(hits, offsets, swells, strict=True)
        ),
        key=lambda hit: (hit[0], hit[1]),
    )
    reverb = generator(players, "mix")
    mix = Mix(
        reverb_s=float(reverb.uniform(*style.reverb_s)),
        reverb_bright_hz=float(reverb.uniform(2500, 7000)),
        compress_db=float(reverb.uniform(0, 4)),
        drums_db=float(reverb.normal(0, 1.5)),
        drums_reverb_db=float(reverb.uniform(-26, -12)),
        tilt_db=float(np.clip(reverb.normal(-4, 4), -14, 5)),
        low_db=float(np.clip(reverb.normal(-3, 5), -14, 6)),
        low_pass_hz=float(np.exp(reverb.uniform(np.log(2200), np.log(7500))))
        if reverb.random() < 0.35
        else 20000.0,
        peak=float(reverb.uniform(0.7, 0.95)),
        unlimited_percent=float(100 - np.exp(reverb.uniform(np.log(0.005), np.log(0.3)))),
        delay_beats=float(reverb.choice([0.5, 0.75, 1.0])),
        seed=int(reverb.integers(2**31)),
    )
    return Song(
        title=score.title,
        seed=seed,
        style=score.style,
        performance=performance,
        tempo_bpm=tempo_bpm,
        metre=score.metre,
        tonic=tonic,
        mode=score.mode,
        swing=score.swing,
        seconds=round(end_s + min(2.5, 0.7 + mix.reverb_s), 3),
        sections=tuple(sections),
        chords=tuple(chords),
        parts=tuple(parts),
        kit=draw_kit(generator(players, "kit"), str(reverb.choice(style.kits))),
        mix=mix,
        drums=tuple(
            DrumEvent(onset_s=round(onset, 5), label=label, velocity=round(velocity, 3))
            for onset, label, velocity in drums_out
        ),
        target_s=target_s,
    )


def _cast(rng: np.random.Generator, score: Score) -> dict[str, Instrument]:
    """Who plays: every role's instrument, in the order of the stems."""
    style = STYLES[score.style]
    roles = {
        "bass": draw_instrument(rng, str(rng.choice(style.bass))),
        "harmony": draw_instrument(rng, str(rng.choice(style.harmony))),
    }
    if rng.random() < 0.16 and score.style not in ("metal", "house", "trance"):
        del roles["bass"]
    if rng.random() < style.pad_chance:
        roles["pad"] = draw_instrument(rng, str(rng.choice(style.pad)))
    if rng.random() < style.arp_chance:
        roles["arp"] = draw_instrument(rng, str(rng.choice(style.arp)))
    roles["lead"] = draw_instrument(rng, str(rng.choice(style.lead)))
    return roles


def _register(score: Score, lead: Instrument, transpose: int) -> int:
    """MIDI pitch of degree 0 before transposition, the octave that suits the instrument."""
    degrees = [note.degree for material in score.material.values() for note in material.tune] or [0]
    middle = transpose + degree_pitch(score.mode, round(sum(degrees) / len(degrees)))
    wanted = {"sung": 62 if lead.seed % 2 else 55, "flute": 76, "bell": 76, "reed": 65, "choir": 64}.get(
        lead.family, 68
    )
    return 12 * round((wanted - middle) / 12)


def _comping_rhythm(rng: np.random.Generator, bar: int, beat: int) -> tuple[int, ...]:
    chosen = [
        step
        for step in range(bar)
        if rng.random() < (0.5 if step % beat == 0 else 0.42 if step % 2 == 0 else 0.12)
    ]
    return tuple(chosen) or (0, beat)


def _active(
    rng: np.random.Generator, roles: dict[str, Instrument], name: str, energy: float, occurrence: int
) -> set[str]:
    """Who plays in a section: the chorus has everybody, a break hardly anyone, later verses gain a player."""
    chances = {
        "bass": 0.35 + 1.1 * energy,
        "harmony": 0.55 + 0.5 * energy,
        "pad": 0.15 + energy,
        "arp": 0.1 + 0.9 * energy,
        "lead": 1.0,
    }
    if name in ("intro", "outro", "break"):
        chances["lead"] = 0.3
        chances["arp"] = 0.6
    active = {role for role in roles if rng.random() < chances[role] + 0.15 * occurrence or energy >= 1.0}
    if not active & {"harmony", "pad", "arp"}:
        active.add("harmony")
    return active


def _humanise(
    rng: np.random.Generator,
    events: list[tuple[float, float, int, float, int]],
    clock: Clock,
    scale_s: float,
    instrument: Instrument,
) -> tuple[Note, ...]:
    events = sorted(events)
    jitter = np.clip(rng.normal(0, scale_s, size=len(events)), -3 * scale_s, 3 * scale_s)
    drift = np.cumsum(rng.normal(0, 0.15 * scale_s, size=len(events)))
    drift -= np.linspace(0, drift[-1], len(drift)) if len(drift) else 0.0
    swell = rng.normal(0, 0.05 if scale_s > 0.002 else 0.01, size=len(events))
    notes = []
    for (step, length, pitch, velocity, syllable), late, slow, loud in zip(
        events, jitter, np.clip(drift, -0.02, 0.02), swell, strict=True
    ):
        while pitch < instrument.low - 7:
            pitch += 12
        while pitch > instrument.high + 7:
            pitch -= 12
        start = clock(step)
        notes.append(
            Note(
                start_s=round(max(0.0, start + float(late + slow)), 5),
                duration_s=round(max(0.03, clock(step + length) - start), 4),
                pitch=int(pitch),
                velocity=round(float(np.clip(velocity + loud, 0.08, 1.0)), 3),
                syllable=syllable,
            )
        )
    return tuple(sorted(notes, key=lambda note: (note.start_s, note.pitch)))


def _place(
    rng: np.random.Generator, role: str, instrument: Instrument, notes: tuple[Note, ...], score: Score
) -> Part:
    """Level, position and effects of a stem; a sung lead is the stem `vocals`."""
    style = STYLES[score.style]
    level = {"bass": -3.0, "harmony": -5.0, "pad": -9.0, "arp": -9.0, "lead": -2.0}[role] + float(
        np.clip(rng.normal(0, 2.7), -7, 6)
    )
    width = {"bass": 0.0, "lead": 0.1, "pad": 0.3, "harmony": 0.5, "arp": 0.6}[role]
    wet = {"bass": -30.0, "harmony": -16.0, "pad": -9.0, "arp": -12.0, "lead": -13.0}[role] + float(
        rng.normal(-2, 4)
    )
    chorus = (
        float(rng.uniform(0.2, 0.8))
        if instrument.family in ("epiano", "guitar_clean", "warm_pad", "strings", "organ", "choir")
        else 0.0
    )
    return Part(
        name="vocals" if role == "lead" and instrument.synthesis == "sung" else role,
        instrument=instrument,
        notes=notes,
        gain_db=level,
        pan=float(rng.uniform(-width, width)),
        reverb_db=min(-4.0, wet),
        chorus=chorus,
        delay_db=float(rng.uniform(-18, -10)) if role in ("lead", "arp") and rng.random() < 0.5 else -60.0,
        duck=style.duck if role in ("pad", "harmony", "bass") else 0.0,
    )
