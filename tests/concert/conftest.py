"""Three short songs in a pack and one outside it, made once for all tests of the concert system."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from tonewheel.audio.encode import write
from tonewheel.core.seeds import generator
from tonewheel.synth.compose import compose
from tonewheel.synth.noise import applause, room_tone
from tonewheel.synth.render import render
from tonewheel.synth.speech import banter
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack, build_pack
from tonewheel.systems.concert.prepare import Prepared, prepare

Floats = NDArray[np.float32]
RATE = 16_000
TITLES = ("Midnight Circuit", "Velvet Harbour", "Golden River")


class Show(NamedTuple):
    """A concert and its truth: (title, start_s, end_s) of every song."""

    audio: Floats
    songs: tuple[tuple[str, float, float], ...]


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The weights that ship."""
    return Embedder.shipped()


@pytest.fixture(scope="session")
def music() -> list[Floats]:
    """Four songs of 24 s, mono at 16 kHz; the last is not in the pack."""
    return [render(compose(seed), RATE, seconds=24.0).mix for seed in (11, 12, 13, 14)]


@pytest.fixture(scope="session")
def tracks(music: list[Floats], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the three songs of the show."""
    folder = tmp_path_factory.mktemp("tracks")
    for number, (title, audio) in enumerate(zip(TITLES, music, strict=False), start=1):
        write(folder / f"{number:02d} - {title}.wav", audio, RATE)
    return folder


@pytest.fixture(scope="session")
def pack(tracks: Path, embedder: Embedder) -> Pack:
    """The three songs, packed."""
    made, left_out = build_pack(tracks, None, embedder)
    assert left_out == []
    return made


@pytest.fixture(scope="session")
def pack_file(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("pack") / "show.pack"
    pack.write(path)
    return path


@pytest.fixture(scope="session")
def show(music: list[Floats]) -> Show:
    """The third, first and second song of the pack, with talk and applause around them."""
    rng = generator(3, "show")
    parts: list[Floats] = [banter(rng, 3.0, RATE)]
    songs = []
    for number in (2, 0, 1):
        start_s = sum(len(part) for part in parts) / RATE
        parts.append(music[number][: 18 * RATE])
        songs.append((TITLES[number], start_s, start_s + 18.0))
        parts.append(applause(rng, 9.0, RATE))
    audio = np.concatenate(parts)
    tone = room_tone(rng, len(audio) / RATE + 0.1, RATE, level_db=-60.0)[: len(audio)]
    return Show((audio + tone).astype(np.float32), tuple(songs))


@pytest.fixture(scope="session")
def show_file(show: Show, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The concert as a WAV file."""
    path = tmp_path_factory.mktemp("show") / "show.wav"
    write(path, show.audio, RATE)
    return path


@pytest.fixture(scope="session")
def prepared(music: list[Floats], tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Three short tracks to train on and two to validate on, a room, a crowd."""
    folder = tmp_path_factory.mktemp("sources")
    cuts = {"a": (0, 0, "train"), "b": (1, 0, "train"), "c": (3, 0, "train")}
    cuts |= {"d": (2, 0, "valid"), "e": (0, 11, "valid")}
    rows = ["path,kind,title,artist,license,split"]
    for name, (number, start_s, split) in cuts.items():
        write(folder / f"{name}.wav", music[number][start_s * RATE : (start_s + 13) * RATE], RATE)
        rows.append(f"{name}.wav,music,Song {name},Synth,CC0,{split}")
    rng = generator(1, "sources")
    write(folder / "hall.wav", decaying_noise(rng, 1.0), RATE)
    write(folder / "crowd.wav", applause(rng, 6.0, RATE), RATE)
    rows += ["hall.wav,ir_room,hall,,CC0,train", "crowd.wav,crowd,crowd,,CC0,train"]
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    made, left_out = prepare([folder], tmp_path_factory.mktemp("prepared"))
    assert left_out == []
    return made


def decaying_noise(rng: np.random.Generator, t60_s: float) -> Floats:
    """A room response: noise that falls by 60 dB in `t60_s`."""
    time_s = np.arange(round(1.3 * t60_s * RATE)) / RATE
    response = rng.normal(0, 0.1, len(time_s)) * 10 ** (-3 * time_s / t60_s)
    response[0] = 0.9
    return response.astype(np.float32)
