"""What people's corrections do for the separator: on their own songs, and on songs of others by what many corrected.

    python benchmarks/corrections.py [--songs 60] [--seconds 6] [--multitracks FOLDER] [--quick]

The people are simulated and know the truth (`flywheel.person`). Songs are synthesised, or multitracks whose six stems
are known, and each is heard by the gains that the corrections of four fifths of all songs make, of which it is none.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from itertools import islice
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.manifest.stems import STEMS
from tonewheel.metrics.bootstrap import interval
from tonewheel.systems.stems.demo.people import Session, session, songs
from tonewheel.systems.stems.flywheel.dataset import build_dataset
from tonewheel.systems.stems.flywheel.edit import regions_sdr_db
from tonewheel.systems.stems.flywheel.join import CalibratedMasker, regions
from tonewheel.systems.stems.flywheel.sanitize import sanitize
from tonewheel.systems.stems.flywheel.votes import ballots_of, gains
from tonewheel.systems.stems.masker import NetMasker
from tonewheel.systems.stems.references import Multitrack, multitracks
from tonewheel.systems.stems.rows import SAMPLE_RATE_HZ
from tonewheel.systems.stems.separate import separate

FOLDS = 5


def heard(count: int, seconds: float, folder: Path | None) -> list[Multitrack]:
    """Songs of some seconds, whose six stems are known."""
    if folder is None:
        return list(songs(count, 2000, seconds))
    samples = round(seconds * SAMPLE_RATE_HZ)
    found = islice((one for one in multitracks(folder) if one.fold == 6), count)
    return [
        Multitrack(one.title, one.group, {name: part(audio, samples) for name, audio in one.stems.items()})
        for one in found
    ]


def part(audio: np.ndarray, samples: int) -> np.ndarray:
    """The middle of a stem."""
    start = max(0, (audio.shape[1] - samples) // 2)
    return np.ascontiguousarray(audio[:, start : start + samples])


def learned(people: list[Session], folder: Path) -> np.ndarray:
    """The gains in dB of what these people sent, by way of a data set."""
    raw = folder / "raw.jsonl"
    raw.write_text("".join(one.snapshot.to_json() + "\n" for one in people))
    sanitize(raw, folder / "clean.jsonl")
    build_dataset(folder / "clean.jsonl", folder / "set")
    return gains(ballots_of(folder / "set"))[0]


def told(name: str, rises: list[float]) -> None:
    """A line."""
    found = interval(rises, rng=generator(0, name))
    print(f"{name:58} {found.value:+.3f} dB ({found.low:+.3f} to {found.high:+.3f}), n = {found.n}")


def sdr_db(truth: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Of each stem that sounds; NaN for the others."""
    power, error = (np.square(x, dtype=np.float64).sum(axis=(1, 2)) for x in (truth, truth - estimate))
    ratio = 10 * np.log10((power + 1e-9) / (error + 1e-9))
    return np.asarray(np.where(power > 1e-6 * power.sum(), ratio, np.nan))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--songs", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--multitracks", type=Path)
    parser.add_argument("--quick", action="store_true", help="seven songs of 1.5 s, to see that it runs")
    given = parser.parse_args()
    torch.set_num_threads(1)
    count, seconds = (7, 1.5) if given.quick else (given.songs, given.seconds)
    network = NetMasker.shipped()
    tracks = heard(count, seconds, given.multitracks)
    everybody = [
        session(track, network, generator(0, "corrections", track.group))
        for track in progress(tracks, "separate and correct", len(tracks), "songs")
    ]
    made = [rise for one in everybody for rise in one.gains_db()]
    before = [sdr_db(one.truth, one.separated) for one in everybody]
    print(
        f"{len(tracks)} songs of {seconds:g} s, {len(made)} corrections, weights {network.fingerprint[:12]}"
    )
    told("own song, where it was corrected", made)
    told(
        "own song, all stems",
        [float(np.nanmean(sdr_db(a.truth, a.corrected) - b)) for a, b in zip(everybody, before, strict=True)],
    )
    stems, where = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for fold in range(FOLDS):
            folder = Path(temporary) / str(fold)
            folder.mkdir()
            table = learned([one for at, one in enumerate(everybody) if at % FOLDS != fold], folder)
            masker, places = CalibratedMasker(network, table), regions(table)
            for at in range(fold, len(tracks), FOLDS):
                one = everybody[at]
                after = separate(tracks[at].mix, SAMPLE_RATE_HZ, masker)
                stems.append(sdr_db(one.truth, after) - before[at])
                if places:
                    truth, old, new = (
                        dict(zip(STEMS, x, strict=True)) for x in (one.truth, one.separated, after)
                    )
                    scores = [regions_sdr_db(truth, x, places, SAMPLE_RATE_HZ) for x in (old, new)]
                    where.append(scores[1] - scores[0])
    if where:
        told("song of another, where people had corrected", where)
    told("song of another, all stems", [float(np.nanmean(one)) for one in stems])
    for row, stem in enumerate(STEMS):
        known = [float(one[row]) for one in stems if not np.isnan(one[row])]
        if known:
            told(f"song of another, {stem}", known)


if __name__ == "__main__":
    main()
