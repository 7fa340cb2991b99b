"""Songs that are known stem by stem, and people who separate them, correct what is off, and share what they did."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import TonewheelError
from tonewheel.core.files import write_text
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.manifest.stem_snapshot import Correction, StemSnapshot
from tonewheel.manifest.stems import STEMS
from tonewheel.synth.compose import compose
from tonewheel.synth.drums import one_shot
from tonewheel.synth.render import render
from tonewheel.synth.song import Song
from tonewheel.systems.stems.features.listen import listen
from tonewheel.systems.stems.features.snapshot import make_snapshot
from tonewheel.systems.stems.flywheel.edit import corrected, region_sdr_db
from tonewheel.systems.stems.flywheel.person import corrections
from tonewheel.systems.stems.masker import Masker
from tonewheel.systems.stems.references import Multitrack
from tonewheel.systems.stems.rows import SAMPLE_RATE_HZ
from tonewheel.systems.stems.separate import separate

Audio = NDArray[np.float32]

VOICES = ("sung",)
HAND = "aux_percussion"
"""Which synthesised kits strike, too; here it has a stem of its own."""
MOST = 8
"""Faders that a person moves."""


class Session(NamedTuple):
    """What one person did with one song."""

    title: str
    truth: Audio
    """The stems as they are, (6, 2, samples)."""
    separated: Audio
    corrected: Audio
    corrections: tuple[Correction, ...]
    snapshot: StemSnapshot

    def gains_db(self) -> list[float]:
        """For each correction, how much nearer to the truth its stem is in its region."""
        return [
            region_sdr_db(self.truth[at], self.corrected[at], one, SAMPLE_RATE_HZ)
            - region_sdr_db(self.truth[at], self.separated[at], one, SAMPLE_RATE_HZ)
            for one in self.corrections
            for at in [STEMS.index(one.stem)]
        ]


def songs(count: int, seed: int, seconds: float) -> Iterator[Multitrack]:
    """Synthesised songs of whole bands as their stems, all six of which sound; the same seed gives the same."""
    from tonewheel.systems.stems.references import with_sub

    drawn = (compose(draw_seed(generator(seed, "demo", "stems", n)), seconds=seconds) for n in count_from(0))
    for number, song in enumerate(islice(filter(whole_band, drawn), count)):
        kit = msgspec.structs.replace(song, drums=tuple(e for e in song.drums if e.label != HAND))
        made = render(kit, SAMPLE_RATE_HZ, channels=2)
        samples = min(round(seconds * SAMPLE_RATE_HZ), made.mix.shape[1])
        sung = {part.name for part in song.parts if part.instrument.synthesis in VOICES}
        stems: dict[str, Audio] = {}
        for name, audio in made.stems.items():
            stem = "vocals" if name in sung else name if name in ("drums", "bass") else "harmonic"
            stems[stem] = stems.get(stem, np.float32(0)) + audio[:, :samples]
        stems["perc"] = by_hand(song, samples, float(np.sqrt(np.mean(np.square(stems["drums"])))))
        yield Multitrack(song.title, f"song {number}", with_sub(stems))


def whole_band(song: Song) -> bool:
    """Whether somebody sings, somebody plays the bass and somebody the drums, and there are others, too."""
    sung = any(part.instrument.synthesis in VOICES and part.notes for part in song.parts)
    return (
        sung and bool(song.drums) and any(part.name == "bass" for part in song.parts) and len(song.parts) > 2
    )


def by_hand(song: Song, samples: int, drums_rms: float) -> Audio:
    """A shaker, a tambourine or a conga on every half beat, some way below the drums; (2, samples)."""
    rng = generator(song.seed, "by hand")
    kit = msgspec.structs.replace(song.kit, aux=str(rng.choice(["shaker", "tambourine", "conga"])))
    out = np.zeros(samples, np.float32)
    step = 0.5 * song.beat_s * SAMPLE_RATE_HZ
    for number in range(int(samples / step)):
        shot = one_shot(kit, HAND, 3 if number % 2 else 1, number % 4, SAMPLE_RATE_HZ)
        at = round(number * step)
        out[at : at + len(shot)] += shot[: samples - at]
    out *= np.float32(0.4 * drums_rms / (np.sqrt(np.mean(np.square(out))) + 1e-9))
    return np.stack([0.6 * out, 1.3 * out])


def session(track: Multitrack, masker: Masker, rng: np.random.Generator) -> Session:
    """Somebody separates a song, sets faders of stems and bands by hand, and agrees to share features of it.

    This person is simulated, and knows the truth: it hears where a stem is off because the stems are known here.
    """
    truth = track.folded(6)
    found = separate(track.mix, SAMPLE_RATE_HZ, masker)
    made = corrections(truth, found, SAMPLE_RATE_HZ, rng, MOST, block_s=None)
    better = corrected(found, made, SAMPLE_RATE_HZ)
    shared = make_snapshot(
        listen(track.mix, SAMPLE_RATE_HZ),
        duration_s=track.mix.shape[1] / SAMPLE_RATE_HZ,
        channels=2,
        processing_ms=1000.0,
        stems=[listen(stem, SAMPLE_RATE_HZ) for stem in better],
        trusted=STEMS,
        corrections=made,
    )
    return Session(track.title, truth, found, better, made, shared)


def collected(snapshots: list[StemSnapshot], folder: Path) -> Path:
    """Send snapshots to the real service on loopback, and export what it stored: the JSONL file.

    `tonewheel stems ingest` runs in a process of its own, as a person would run it; TonewheelError when it does not.
    """
    import json
    import subprocess
    import sys
    import urllib.request

    store, out = folder / "store", folder / "snapshots.jsonl"
    tonewheel = [sys.executable, "-m", "tonewheel", "-q"]
    service = subprocess.Popen(
        [*tonewheel, "stems", "ingest", "--store", str(store), "--port", "0", "--rate", "0", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        line = service.stdout.readline() if service.stdout else ""
        if not line:
            raise TonewheelError("the service for snapshots did not start")
        url = str(json.loads(line)["url"])
        for one in snapshots:
            headers = {"Content-Type": "application/json", "X-Prime-Fabric-Channel": "stem-separation"}
            request = urllib.request.Request(url, one.to_json().encode(), headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                answer.read()
    finally:
        service.terminate()
        service.wait(timeout=30)
        if service.stdout:
            service.stdout.close()
    exported = subprocess.run(
        [*tonewheel, "feedback", "export", "--store", str(store), "--kind", "stems", "-o", "-"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    if exported.returncode:
        raise TonewheelError(f"what was stored could not be exported: {exported.stderr.strip()}")
    write_text(out, exported.stdout)
    return out
