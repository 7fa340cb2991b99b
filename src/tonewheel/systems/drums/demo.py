"""The drums chapter of `tonewheel demo`: a song is written down from its sound alone, and played back."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewheel.audio.encode import write
from tonewheel.audio.loudness import integrated_lufs
from tonewheel.core.errors import InputError
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.gates import html
from tonewheel.manifest.beatmap import read_beatmap
from tonewheel.manifest.components import fold
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.metrics.onsets import Counts, count
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.synth.song import DrumEvent, Song
from tonewheel.systems import Chapter
from tonewheel.systems.drums.hearing.ears import Ears
from tonewheel.systems.drums.transcribe import Transcription, transcribe
from tonewheel.systems.drums.writing.outputs import Song as About
from tonewheel.systems.drums.writing.outputs import write_hits
from tonewheel.systems.drums.writing.page import mp3
from tonewheel.systems.drums.writing.picture import draw

Floats = NDArray[np.float32]

TITLE = "Drums: what was struck, and when?"
RATE_HZ = 44_100
SECONDS = 32.0
STYLES = ("rock", "pop", "funk")
TOLERANCE_S = 0.05
CLASSES = ("kick", "snare", "tom", "hihat", "cymbal", "aux_percussion")
LEAST_HITS = 40


class Score(NamedTuple):
    """One drum: what was played, found, and right within 50 ms."""

    drum: str
    counts: Counts


def chapter(folder: Path, seed: int, song: Song | None = None, ears: Ears | None = None) -> Chapter:
    """Synthesise a song, transcribe its mix, compare with what was played, play the beatmap.

    Leaves in `folder`: song.flac, song.bsm, transcription.flac. Without trained weights, or when nothing was
    found, `found` is False and the chapter says so.
    """
    began = perf_counter()
    song = song or draw_song(seed)
    mix = mixed(song)
    path = folder / "song.flac"
    write(path, mix, RATE_HZ, sample_format="pcm_16")
    rendered_s = perf_counter() - began
    try:
        ears = ears or Ears.shipped()
    except InputError as error:
        told = f"Nothing was transcribed: {error}"
        return Chapter(TITLE, False, (told,), (html.section(TITLE, told),))
    began = perf_counter()
    one = transcribe(path, ears)
    heard_s = perf_counter() - began
    played = played_hits(song)
    table = compare(played, one.hits)
    lines = tuple(told_lines(song, one, table))
    if not one.hits:
        return Chapter(TITLE, False, lines, (html.section(TITLE, *lines),))
    beatmap = folder / "song.bsm"
    title = song.title.rsplit(" ", 1)[0]
    write_hits(beatmap, one.hits, one.tempo.timing, About(audio=str(path), title=title, seconds=one.seconds))
    again = replay(song, list(read_beatmap(beatmap).hits()), len(mix))
    write(folder / "transcription.flac", again, RATE_HZ, sample_format="pcm_16")
    found = total(table).matched > 0
    return Chapter(TITLE, found, lines, sections(song, one, table, mix, again, rendered_s, heard_s))


def mixed(song: Song) -> Floats:
    """The song as a record has it: drums as loud as all the rest together, peak at 0.9. Mono."""
    stems = render(song, RATE_HZ).stems
    drums = np.asarray(stems["drums"], np.float32)
    rest = np.zeros_like(drums)
    for name, stem in stems.items():
        rest += np.float32(name != "drums") * stem
    under = integrated_lufs(drums, RATE_HZ) - integrated_lufs(rest, RATE_HZ)
    mix = drums + rest * np.float32(10 ** (under / 20) if np.isfinite(under) else 1.0)
    return np.asarray(mix * np.float32(0.9 / max(float(np.abs(mix).max(initial=0.0)), 1e-6)), np.float32)


def draw_song(seed: int) -> Song:
    """A song with a busy enough drummer; the same seed draws the same one."""
    rng = generator(seed, "demo", "drums")
    style = STYLES[int(rng.integers(len(STYLES)))]
    for _ in range(20):
        song = compose(draw_seed(rng), style, seconds=SECONDS)
        if len(song.drums) >= LEAST_HITS and len({event.label for event in song.drums}) >= 4:
            break
    return song


def played_hits(song: Song) -> list[DrumHit]:
    """The exact truth."""
    return [DrumHit(onset_s=e.onset_s, label=e.label, velocity=e.velocity) for e in song.drums]


def replay(song: Song, hits: list[DrumHit], samples: int) -> Floats:
    """A beatmap as sound: the song's own kit plays what was found, and nobody else plays."""
    events = tuple(DrumEvent(onset_s=h.onset_s, label=h.label, velocity=h.velocity) for h in hits)
    drums = np.asarray(render(replace(song, parts=(), drums=events), RATE_HZ).mix, np.float32)[:samples]
    return np.pad(drums, (0, samples - len(drums)))


def compare(played: list[DrumHit], found: tuple[DrumHit, ...]) -> list[Score]:
    """A score for every drum that was played or found."""
    scores = []
    for drum in CLASSES:
        right, answer = (
            [hit.onset_s for hit in hits if (fold(hit.label, 5) or "aux_percussion") == drum]
            for hits in (played, found)
        )
        if right or answer:
            scores.append(Score(drum, count(right, answer, TOLERANCE_S)))
    return scores


def total(table: list[Score]) -> Counts:
    """All drums together."""
    out = Counts()
    for score in table:
        out = out.plus(score.counts)
    return out


def told_lines(song: Song, one: Transcription, table: list[Score]) -> list[str]:
    """The chapter for a terminal."""
    lines = [f"{'drum':<15}{'played':>7}{'found':>7}{'right':>7}{'F @ 50 ms':>11}"]
    for drum, c in [*table, Score("all", total(table))]:
        name = drum.replace("_", " ")
        lines.append(f"{name:<15}{c.reference:>7}{c.estimate:>7}{c.matched:>7}{c.f:>11.2f}")
    tempo = one.tempo
    lines.append(f"tempo: {tempo.bpm:.2f} BPM found, {song.tempo_bpm:.2f} played; {tempo.meter} found,"
                 f" {song.metre} played")  # fmt: skip
    return lines


def sections(
    song: Song,
    one: Transcription,
    table: list[Score],
    mix: Floats,
    again: Floats,
    rendered_s: float,
    heard_s: float,
) -> tuple[html.Markup, ...]:
    """The chapter for the page."""
    everything, tempo = total(table), one.tempo
    rows = [
        [drum.replace("_", " "), c.reference, c.estimate, c.matched, c.f]
        for drum, c in [*table, Score("all", everything)]
    ]
    picture = draw(mix, RATE_HZ, one.hits, tempo.timing, played_hits(song))
    players = "".join(
        f"<div class=card>{html.player(mp3(sound, RATE_HZ), caption, 'audio/mpeg')}</div>"
        for sound, caption in ((mix, "the song"), (again, "its beatmap, played by the song's kit"))
    )
    return (
        html.section(
            TITLE,
            f"A band that exists only as code plays {song.seconds:.0f} s of {song.style}; only the mix,"
            " drums as loud as all the rest together, is given to the transcriber. What was really played is"
            " known exactly.",
            html.cards(
                [
                    (
                        "F at 50 ms",
                        f"{everything.f:.2f}",
                        f"{everything.matched} of {everything.reference} hits",
                    ),
                    ("tempo", f"{tempo.bpm:.2f}", f"{song.tempo_bpm:.2f} BPM were played"),
                    ("bars", tempo.meter + ("" if tempo.meter_sure else "?"), f"{song.metre} were played"),
                    ("speed", f"{one.seconds / max(heard_s, 1e-9):.0f} x", "real time, file to hits"),
                ]
            ),
        ),
        html.section(
            "Hits over the sound",
            html.Markup(f"<div class=scroll>{html.figure(picture, alt=_spoken(table))}</div>"),
            "A dot is a hit that was heard, larger when it is harder; hollow dots are open hats and crashes."
            " A ring is a hit that was played. Strokes between the lanes are beats, firm ones bars.",
        ),
        html.section(
            "Drum by drum",
            html.table(["drum", "played", "found", "right within 50 ms", "F"], rows),
            "A hit is right when the same drum was struck within 50 ms; each is counted once.",
        ),
        html.section(
            "Listen",
            "The song as it was mixed, and the beatmap that was written of it, read again and played.",
            html.Markup(f"<div class=cards>{players}</div>"),
            f"Composing and mixing took {rendered_s:.1f} s, transcribing {heard_s:.1f} s.",
            html.details(
                "Try it yourself", "tonewheel drums transcribe drums/song.flac -o song.mid --page song.html"
            ),
        ),
    )


def _spoken(table: list[Score]) -> str:
    parts = [f"{s.drum}: {s.counts.reference} played, {s.counts.matched} of them found" for s in table]
    return "Spectrogram with drum hits. " + "; ".join(parts)
