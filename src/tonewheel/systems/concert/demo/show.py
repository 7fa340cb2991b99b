"""A small show made by code: its songs as studio tracks, and an evening as a phone in the hall heard it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewheel.audio.encode import write
from tonewheel.audio.resample import resample
from tonewheel.core.progress import progress
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.degrade.chain import Chain
from tonewheel.degrade.presets import hall
from tonewheel.synth.compose import compose
from tonewheel.synth.concert import Show, plan_concert
from tonewheel.synth.concert import concert as render_concert
from tonewheel.synth.render import render
from tonewheel.synth.song import Song
from tonewheel.synth.styles import STYLES
from tonewheel.systems.concert.pack import printable

Floats = NDArray[np.float32]
STUDIO_HZ = 44_100
HALL_HZ = 16_000
FADE_S = 1.5
"""A song that is cut to keep time is faded out by the desk, not switched off."""
CROWD_SNR_DB = 8.0
PHONE_KBPS = 64.0


@dataclass(frozen=True)
class Programme:
    """What the band can play (`songs`), what it does play (`played`, in order), and how it goes on."""

    songs: tuple[Song, ...]
    """Those of the pack: played or not."""
    played: tuple[Song, ...]
    """Tonight's, with at most one that is not in the pack."""
    plan: Show
    chain: Chain
    """The hall, its crowd and the phone; the phone's codec is the file that is written."""

    @property
    def everything(self) -> tuple[Song, ...]:
        """Every song that has to be rendered, once."""
        return tuple(dict.fromkeys((*self.songs, *self.played)))

    def known(self, song: Song) -> bool:
        """Whether the song is in the pack."""
        return song in self.songs


def draw_programme(
    seed: int,
    *,
    played: int = 6,
    left_out: int = 2,
    surprise: bool = True,
    seconds: tuple[float, float] = (42.0, 72.0),
    cut_s: float = 50.0,
) -> Programme:
    """Draw a show: `played` songs of the pack, `left_out` more in the pack, one `surprise` that is not.

    Songs last `seconds` on record; on stage those longer than `cut_s` are cut to it.

    >>> show = draw_programme(1, played=2, left_out=1, seconds=(20.0, 20.0))
    >>> len(show.songs), len(show.played), [show.known(song) for song in show.played].count(False)
    (3, 3, 1)
    """
    rng = generator(seed, "demo", "concert")
    count = played + left_out + surprise
    styles = [str(style) for style in rng.permutation(sorted(STYLES))]
    songs = [
        compose(draw_seed(rng), styles[n % len(styles)], seconds=float(rng.uniform(*seconds)))
        for n in range(count)
    ]
    songs = [replace(song, title=song.title.rsplit(" ", 1)[0]) for song in songs]
    known = songs[: played + left_out]
    on_stage = songs[:played]
    if surprise:
        on_stage.insert(int(rng.integers(1, played)) if played > 1 else played, songs[-1])
    return programme(known, on_stage, seed, cut_s=cut_s)


def programme(
    songs: Sequence[Song], on_stage: Sequence[Song], seed: int, *, cut_s: float = 50.0
) -> Programme:
    """A show of given songs: what comes between them, and the hall, are drawn."""
    named = _named(dict.fromkeys((*songs, *on_stage)))
    known, played = tuple(named[song] for song in songs), tuple(named[song] for song in on_stage)
    chain = hall(generator(seed, "demo", "hall"), snr_db=CROWD_SNR_DB, codec_share=0.0)
    plan = plan_concert(played, seed, song_s=cut_s, between_s=(6.0, 15.0))
    return Programme(known, played, plan, chain)


def _named(songs: Iterable[Song]) -> dict[Song, Song]:
    """Each song under a title that can be shown, and that no other song has: titles tell them apart below."""
    named: dict[Song, Song] = {}
    taken: set[str] = set()
    for song in songs:
        title = base = printable(song.title).strip() or "Untitled"
        number = 1
        while title in taken:
            number += 1
            title = f"{base} ({number})"
        taken.add(title)
        named[song] = replace(song, title=title)
    return named


class Track(NamedTuple):
    """A song as released: its file and its sound, (samples,) at `STUDIO_HZ`."""

    song: Song
    path: Path
    audio: Floats


def record_tracks(programme: Programme, folder: Path) -> dict[str, Track]:
    """Render every song; those of the pack are written to `folder`/studio as the band's records."""
    tracks = {}
    for number, song in enumerate(progress(programme.everything, "record the songs", unit="songs"), start=1):
        audio = np.asarray(render(song, STUDIO_HZ).mix, dtype=np.float32)
        path = folder / "studio" / f"{number:02d} {_file_name(song.title)}.flac"
        if programme.known(song):
            write(path, audio, STUDIO_HZ, sample_format="pcm_16")
        tracks[song.title] = Track(song, path, audio)
    return tracks


def _file_name(title: str) -> str:
    """A title as a name that every file system takes, and that cannot leave its folder."""
    kept = "".join(letter if letter.isalnum() and letter.isascii() else " " for letter in title)
    return " ".join(kept.split())[:60] or "untitled"


def play(programme: Programme, tracks: dict[str, Track]) -> Floats:
    """The evening as the phone's microphone picked it up, (samples,) at `HALL_HZ`; one room for all of it."""
    parts = list(progress(_on_stage(programme, tracks), "play the show", total=len(programme.plan.spans)))
    return programme.chain.apply(np.concatenate(parts), HALL_HZ)


def _on_stage(programme: Programme, tracks: dict[str, Track]) -> Iterator[Floats]:
    plan = programme.plan
    between = replace(plan, spans=tuple(span for span in plan.spans if span.kind != "song"))
    rest = render_concert(programme.played, plan.seed, HALL_HZ, show=between)
    for span in plan.spans:
        if span.kind != "song":
            yield next(rest)[1]
            continue
        track = tracks[programme.played[span.song].title]
        # To the sample: what is played is exactly what the plan says, so the truth is exact.
        samples = round(span.end_s * HALL_HZ) - round(span.start_s * HALL_HZ)
        cut = resample(track.audio, STUDIO_HZ, HALL_HZ)[:samples].copy()
        fade = round(FADE_S * HALL_HZ)
        if len(cut) == samples and track.song.seconds > span.end_s - span.start_s + 0.1:
            cut[-fade:] *= np.linspace(1, 0, len(cut[-fade:]), dtype=np.float32)
        yield np.pad(cut, (0, samples - len(cut)))


def film(heard: Floats, folder: Path) -> Path:
    """What the phone keeps: an m4a file, AAC as phones write it."""
    path = folder / "concert.m4a"
    write(path, heard, HALL_HZ, bitrate_kbps=PHONE_KBPS)
    return path
