"""The song before anyone plays it: form, chords and melody in scale degrees and steps; key and tempo come
later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tonewheel.core.seeds import generator
from tonewheel.synth.harmony import progression
from tonewheel.synth.melody import MelodyNote, melody
from tonewheel.synth.song import METRES
from tonewheel.synth.styles import STYLES, Style

FORMS: dict[str, tuple[str, ...]] = {
    "pop": ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "solo", "verse", "chorus"),
    "aaba": ("intro", "verse", "verse", "bridge", "verse", "solo", "bridge", "verse", "chorus"),
    "club": (
        "intro",
        "verse",
        "prechorus",
        "chorus",
        "break",
        "prechorus",
        "chorus",
        "verse",
        "break",
        "chorus",
    ),
}
ENERGY = {
    "intro": 0.35,
    "verse": 0.55,
    "prechorus": 0.65,
    "chorus": 1.0,
    "bridge": 0.6,
    "solo": 0.85,
    "break": 0.3,
    "outro": 0.4,
}
FIRST = (
    "Amber",
    "Broken",
    "Silver",
    "Northern",
    "Paper",
    "Hollow",
    "Crimson",
    "Quiet",
    "Electric",
    "Velvet",
    "Distant",
    "Golden",
    "Little",
    "Midnight",
    "Wooden",
    "Neon",
    "Salt",
    "Winter",
    "Copper",
    "Wild",
    "Glass",
    "Faded",
    "Blue",
    "Running",
)
LAST = (
    "Harbour",
    "Machine",
    "River",
    "Letters",
    "Signals",
    "Garden",
    "Avenue",
    "Mirror",
    "Engine",
    "Lantern",
    "Fever",
    "Stations",
    "Horses",
    "Satellite",
    "Weather",
    "Parade",
    "Morning",
    "Tide",
    "Circuit",
    "Orchard",
    "Shadow",
    "Thunder",
    "Dance",
    "Road",
)


@dataclass(frozen=True)
class Material:
    """The music of one section type: a chord a slot, and a tune; lengths in sixteenth steps."""

    bars: int
    slot_steps: int
    degrees: tuple[int, ...]
    sevenths: tuple[bool, ...]
    tune: tuple[MelodyNote, ...]


@dataclass(frozen=True)
class Score:
    """A song's identity: what all of its versions share."""

    title: str
    style: str
    metre: str
    mode: str
    tonic: int
    tempo_bpm: float
    swing: float
    form: tuple[tuple[str, int], ...]
    """(section name, bars); the position in this tuple is the `source` of a performed section."""
    material: dict[str, Material]


def _material(
    rng: np.random.Generator, style: Style, metre: str, mode: str, section: str, bars: int, density: float
) -> Material:
    beats, steps = METRES[metre]
    bar = beats * steps
    per_bar = rng.choice([0.5, 1.0, 2.0], p=[0.15, 0.65, 0.2])
    slot = int(bar / per_bar) if bar % per_bar == 0 else bar
    slots = bars * bar // slot
    loop = min(slots, int(rng.choice([4, 8], p=[0.75, 0.25])))
    degrees = progression(rng, mode, loop)
    chords = tuple(degrees[index % loop] for index in range(slots))
    sevenths = tuple(bool(flag) for flag in rng.random(loop) < style.sevenths)
    tune = melody(rng, chords, slot, bars, bar, steps, mode, density, lift=3 if section == "chorus" else 0)
    return Material(bars, slot, chords, tuple(sevenths[index % loop] for index in range(slots)), tune)


def _form(
    rng: np.random.Generator, style: Style, bar_s: float, target_s: float
) -> tuple[tuple[str, int], ...]:
    template = FORMS[str(rng.choice(style.form))]
    unit = 8 if bar_s * 8 < min(19.0, target_s / 4) else 4
    if bar_s * unit < 7.0 and target_s > 80.0:
        unit *= 2
    form: list[tuple[str, int]] = []
    length = 0.0
    intro = bool(rng.random() < 0.8)
    for index in range(60):
        name = template[index] if index < len(template) else template[1 + (index - 1) % (len(template) - 1)]
        if name == "intro" and not intro:
            continue
        bars = max(2, unit // 2) if name in ("intro", "break", "prechorus") else unit
        if form and length + 0.5 * bars * bar_s > target_s - 0.25 * unit * bar_s:
            break
        form.append((name, bars))
        length += bars * bar_s
    form.append(("outro", max(1, unit // 4) if rng.random() < 0.6 else max(2, unit // 2)))
    return tuple(form)


def write_score(seed: int, style_name: str, target_s: float) -> Score:
    """Draw a song's identity from its seed."""
    rng = generator(seed, "score", style_name)
    style = STYLES[style_name]
    metre, mode = str(rng.choice(style.metres)), str(rng.choice(style.modes))
    tempo = float(np.round(rng.uniform(*style.tempo_bpm), 1))
    if metre == "6/8":
        tempo = float(np.clip(tempo * 0.6, 60, 92))
    beats = METRES[metre][0]
    form = _form(rng, style, beats * 60.0 / tempo, target_s)
    density = float(rng.uniform(*style.melody_density))
    longest = max(bars for _, bars in form)
    material = {
        name: _material(
            generator(seed, "material", name),
            style,
            metre,
            mode,
            name,
            longest,
            density * (0.85 if name == "chorus" else 1.0),
        )
        for name in ("verse", "chorus", "prechorus", "bridge", "solo")
    }
    borrowed = "chorus" if rng.random() < 0.5 else "verse"
    for name in ("intro", "outro", "break"):
        material[name] = material[borrowed]
    return Score(
        title=f"{rng.choice(FIRST)} {rng.choice(LAST)} {seed % 1000:03d}",
        style=style_name,
        metre=metre,
        mode=mode,
        tonic=int(rng.integers(12)),
        tempo_bpm=tempo,
        swing=float(rng.uniform(*style.swing)),
        form=form,
        material=material,
    )
