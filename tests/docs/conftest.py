"""The files that the documents speak of, synthesised: a reader's tracks, clip, concert and recordings."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tonewheel.audio.encode import write
from tonewheel.audio.resample import resample
from tonewheel.core.seeds import generator
from tonewheel.degrade.clicks import Clicks
from tonewheel.degrade.hiss import Hiss
from tonewheel.degrade.presets import hall
from tonewheel.synth.compose import compose
from tonewheel.synth.noise import applause
from tonewheel.synth.render import render
from tonewheel.synth.speech import banter
from tonewheel.synth.versions import version_of
from tonewheel.systems.concert.embed import SHIPPED_WEIGHTS, Embedder
from tonewheel.systems.concert.pack import build_pack

RATE = 16_000
TRACKS = {
    "01 - Midnight Circuit.flac": 11,
    "02 - Velvet Harbour.opus": 12,
    "03 - Golden River.wav": 13,
    "04 - Blue Thunder.mp3": 29,
}
SONG_S = 24.0
NEXT_FILE = re.compile(r"`([\w./-]+)`[^`]*?\n\n?```(?:text|csv)\n(.*?)```", re.DOTALL)
"""A block of text or CSV is the content of the file that was named last before it."""


def contents(readme: str) -> dict[str, str]:
    """Small files whose content a document shows, by name."""
    return dict(NEXT_FILE.findall(readme))


def make_material(folder: Path, readme: str) -> None:
    """Fill a folder as the reader of the README would have it."""
    songs = [render(compose(seed), RATE, seconds=SONG_S).mix for seed in TRACKS.values()]
    for name, song in zip(TRACKS, songs, strict=True):
        write(folder / "tracks" / name, song, RATE)
    rng = generator(5, "docs")
    through = hall(rng, snr_db=10.0, codec_share=0.0)
    write(folder / "clip.wav", through.apply(songs[1], RATE)[12 * RATE : 20 * RATE], RATE)
    show = [banter(rng, 4.0, RATE), songs[0][: 20 * RATE], applause(rng, 9.0, RATE), songs[2][: 20 * RATE]]
    concert = through.apply(np.concatenate(show).astype(np.float32), RATE)
    write(folder / "concert.wav", concert, RATE)
    write(folder / "concert.mp4", concert, RATE)
    write(folder / "demo" / "concert" / "concert.m4a", concert, RATE)
    stereo = np.stack([resample(concert, RATE, 44_100)] * 2, axis=1)
    stereo.astype("<f4").tofile(folder / "concert.pcm")
    other = version_of(compose(TRACKS["03 - Golden River.wav"]), 4, tempo_within=0.06)
    again = render(other, RATE, seconds=SONG_S).mix
    write(folder / "again.wav", through.apply(again, RATE), RATE)
    write(folder / "applause.wav", applause(rng, 6.0, RATE), RATE)
    worn = Clicks(seed=1).apply(Hiss(snr_db=25.0, seed=2).apply(songs[0] * np.float32(0.5), RATE), RATE)
    write(folder / "record.wav", worn, RATE, sample_format="pcm_16")
    for number in (1, 2):
        side = worn[number * 4 * RATE : (number + 1) * 4 * RATE]
        write(folder / "transfers" / f"side {number}.flac", side, RATE, sample_format="pcm_24")
    embedder = Embedder.shipped()
    pack, _ = build_pack(folder / "tracks", None, embedder)
    pack.write(folder / "demo" / "concert" / "show.pack")
    # `train` takes minutes; what it writes is a file like the one that ships.
    (folder / "runs" / "mine").mkdir(parents=True)
    shutil.copy(SHIPPED_WEIGHTS, folder / "runs" / "mine" / "concert.safetensors")
    for name, text in contents(readme).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        if name.endswith("index.csv"):
            for number, line in enumerate(text.splitlines()[1:]):
                path = folder / Path(name).parent / line.partition(",")[0]
                crowd = applause(generator(number, "crowd"), 8.0, RATE)
                music = render(compose(100 + number), RATE, seconds=14.0).mix
                write(path, crowd if ",crowd," in line else music, RATE)


@pytest.fixture(scope="session")
def readme(repository: Path) -> str:
    """The README's text."""
    return (repository / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def material(readme: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the reader of the README would have it."""
    folder = tmp_path_factory.mktemp("reader")
    make_material(folder, readme)
    return folder
