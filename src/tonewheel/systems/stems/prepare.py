"""Make the folder that training reads: songs played by soundfonts, kits and singers, and multitracks of your own.

A song that exists is not made again, so a killed run continues. What validates shares nothing with what trains: other
MIDI files, other kits, other voices, other grooves, other seeds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tonewheel.audio.decode import load
from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.files import write_json
from tonewheel.core.progress import progress
from tonewheel.core.records import read_jsonl, write_jsonl
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.systems.stems.making import songs
from tonewheel.systems.stems.making.studio import Made, Sources, Studio, midi_files, studio
from tonewheel.systems.stems.making.takes import Prepared, Take, write_take

RATE = 44_100
STEM_NAMES = {
    "vocals": "vocals",
    "drums": "drums",
    "bass": "bass",
    "harmonic": "harmonic",
    "other": "harmonic",
    "perc": "perc",
}
"""File names of a multitrack folder -> stems."""


def prepare(
    sources: Sources, out: Path, *, count: int = 240, seed: int = 0, part: tuple[int, int] = (0, 1)
) -> Prepared:
    """Make `count` songs and take in the multitracks; `part` (k, n) makes only every n-th, for n processes."""
    out.mkdir(parents=True, exist_ok=True)
    studios: dict[str, Studio] = {}
    jobs = [number for number in range(count) if number % part[1] == part[0]]
    for number in progress(jobs, "make songs"):
        split = "valid" if number % 12 == 11 else "train"
        folder = out / f"song-{seed}-{number:05d}"
        if not (folder / "takes.jsonl").exists():
            if split not in studios:
                studios[split] = studio(sources, split)
            rng = generator(seed, "song", number)
            try:
                made = _make(rng, sources, studios[split], number, split)
            except TonewheelError as error:
                write_json(out / f"left-out-{number:05d}.json", {"song": number, "reason": str(error)})
                continue
            _write(folder, made, split)
    if part[0] == 0 and sources.multitracks:
        for path in progress(sorted(p for p in sources.multitracks.iterdir() if p.is_dir()), "multitracks"):
            if not (out / path.name / "takes.jsonl").exists():
                _write(out / path.name, _multitrack(path), "train")
    return collect(out)


def collect(out: Path) -> Prepared:
    """Write the list of all takes from those of the songs."""
    takes = [take for path in sorted(out.glob("*/takes.jsonl")) for take in read_jsonl(path, Take)]
    if not takes:
        raise InputError(out, "no song could be made from these sources")
    write_jsonl(out / "takes.jsonl", takes)
    return Prepared(out)


def _make(rng: np.random.Generator, sources: Sources, place: Studio, number: int, split: str) -> Made:
    kind, own = rng.random(), 7_000_000 + draw_seed(rng) % 1_000_000 * 2 + (split == "valid")
    if not sources.soundfonts or kind > 0.95:
        return songs.synthesised(own)
    files = midi_files(sources, split)
    if files and kind < 0.4:
        path, seconds = files[int(rng.integers(len(files)))]
        return songs.from_midi(rng, place, path, float(rng.uniform(0, max(1.0, seconds - songs.SONG_S))))
    if place.kits and place.grooves and kind < 0.5:
        return songs.grooved(rng, place)
    return songs.composed(rng, place, own)


def _write(folder: Path, made: Made, split: str) -> None:
    takes = []
    folder.mkdir(parents=True, exist_ok=True)
    for stem, audio in made.stems.items():
        alike = np.abs(audio[0] - audio[-1]).max(initial=0) < 1e-5
        file = folder / f"{stem}.npy"
        gain = write_take(file, audio[:1] if alike else audio)
        takes.append(
            Take(
                song=folder.name,
                stem=stem,
                file=f"{folder.name}/{stem}.npy",
                seconds=round(audio.shape[1] / RATE, 3),
                split=split,
                group=folder.name,
                gain=gain,
                tempo_bpm=round(made.tempo_bpm, 2),
                tonic=made.tonic,
                mode=made.mode,
                sources=tuple(sorted(made.sources)),
            )
        )
    write_jsonl(folder / "takes.jsonl", takes)


def _multitrack(folder: Path) -> Made:
    made = Made({}, sources={f"multitrack {folder.name}"})
    for path in sorted(folder.iterdir()):
        stem = STEM_NAMES.get(path.stem)
        if stem is None:
            continue
        audio = np.atleast_2d(load(path, sample_rate_hz=RATE, mono=False)[0])[:2]
        audio = np.repeat(audio, 2, axis=0) if len(audio) == 1 else audio
        have = next(iter(made.stems.values())).shape[1] if made.stems else audio.shape[1]
        made.add(stem, np.pad(audio, ((0, 0), (0, max(0, have - audio.shape[1]))))[:, :have])
    if not made.stems:
        raise InputError(folder, f"no file is named after a stem ({', '.join(STEM_NAMES)})")
    # One stem alone has no mix to be at the level of.
    return made if len(made.stems) > 1 else songs.balanced(generator(0, folder.name), made)
