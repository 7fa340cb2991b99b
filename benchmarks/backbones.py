"""Which backbone finds what: styles, sources, changed tracks; raw, by PCA, and beside chance.

    python benchmarks/backbones.py [--songs 8] [--real ../shared/audio/music --split valid] [--weights W] [--quick]
    python benchmarks/backbones.py --keep FOLDER ...       # go on where it was stopped

Styles: songs synthesised anew (no training has heard them) in every style of tonewheel.synth, the style being known.
Sources: real tracks of one split; a label is where at least three of them come from. Neither label comes from what is
scored. Changed: each real track (without --real: each song) through one change, looked for among all tracks of all
splits but the other held-out one and all songs. All songs and tracks ask; clusters are k-means with as many as labels.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.cluster.vq import kmeans2

from tonewheel.audio.decode import load
from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.degrade.codec import Codec
from tonewheel.degrade.gain import Gain
from tonewheel.degrade.pitch_shift import PitchShift
from tonewheel.degrade.time_stretch import TimeStretch
from tonewheel.metrics import clustering, neighbours
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.synth.styles import STYLES
from tonewheel.systems.similar.backbones.base import Backbone, unit
from tonewheel.systems.similar.backbones.hand import Hand
from tonewheel.systems.similar.heads import fit_pca

RATE = 16_000
SONG_S = 40.0
CROP_S = 30.0
SEED = 77_000_000
"""No song of any training has such a number."""
Floats = np.ndarray


def noisy(audio: Floats, snr_db: float = 20.0) -> Floats:
    level = np.sqrt(np.mean(audio**2)) * 10 ** (-snr_db / 20)
    return audio + (level * generator(1, "noise").standard_normal(len(audio))).astype(np.float32)


def middle(audio: Floats) -> Floats:
    start = max(0, (len(audio) - round(CROP_S * RATE)) // 2)
    return audio[start : start + round(CROP_S * RATE)]


CHANGES: dict[str, Callable[[Floats], Floats]] = {
    "pitch -1": lambda a: PitchShift(semitones=-1.0).apply(a, RATE),
    "pitch +1": lambda a: PitchShift(semitones=1.0).apply(a, RATE),
    "tempo -5 %": lambda a: TimeStretch(rate=0.95).apply(a, RATE),
    "tempo +5 %": lambda a: TimeStretch(rate=1.05).apply(a, RATE),
    "noise 20 dB": noisy,
    "gain -6 dB": lambda a: Gain(gain_db=-6.0).apply(a, RATE),
    "gain +6 dB": lambda a: np.clip(Gain(gain_db=6.0).apply(a, RATE), -1, 1),
    "mp3 64 kb/s": lambda a: Codec(format="mp3", bitrate_kbps=64.0).apply(a, RATE),
    "30 s": middle,
}


class Vectors:
    """Vectors of sounds by name, kept on disk, so that a killed run goes on and a second one is quick."""

    def __init__(self, folder: Path, backbones: list[Backbone]) -> None:
        self.folder, self.backbones = folder, backbones

    def of(self, name: str, sound: Callable[[], Floats]) -> list[Floats]:
        key = hashlib.sha256(name.encode()).hexdigest()[:20]
        files = [self.folder / b.fingerprint[:16] / f"{key}.npy" for b in self.backbones]
        audio: Floats | None = None
        for backbone, file in zip(self.backbones, files, strict=True):
            if not file.exists():
                audio = sound() if audio is None else audio
                file.parent.mkdir(parents=True, exist_ok=True)
                np.save(file, backbone.pool(backbone.embed(audio, RATE)))
        return [np.load(file) for file in files]


def scores(vectors: Floats, labels: list[str]) -> dict[str, float]:
    """Neighbours and clusters of one set."""
    near = neighbours.evaluate(vectors, labels)
    # Lloyd from many starts: the best by its own error, never by the labels.
    tried = []
    for seed in range(20):
        centres, found = kmeans2(vectors, len(set(labels)), minit="++", seed=seed)
        tried.append((float(np.sum((vectors - centres[found]) ** 2)), found))
    best = min(tried, key=lambda one: one[0])[1]
    agree = clustering.evaluate(labels, best)
    return {
        "P@5": near["precision"],
        "MAP@R": near["map_at_r"],
        "silhouette": clustering.silhouette(vectors, labels),
        "NMI": agree["nmi"],
        "AMI": agree["ami"],
        "hubness": near["hubness"],
    }


def variants(names: list[str], tables: list[Floats], pca_from: list[Floats]) -> dict[str, Floats]:
    """Each backbone raw and by PCA fitted on other music, its parts if it has some, and chance."""
    made: dict[str, Floats] = {
        "random": generator(0, "random").standard_normal((len(tables[0]), 64)).astype(np.float32)
    }
    for name, table, others in zip(names, tables, pca_from, strict=True):
        if name == "hand":
            made["MFCC statistics"] = unit(table[:, Hand().parts["timbre"]])
        made[name] = table
        if len(others) > 8:
            made[f"{name}, PCA-256"] = unit(fit_pca(others, 256)(table))
    return made


def table(title: str, rows: dict[str, dict[str, float]]) -> None:
    print(f"\n{title}")
    columns = list(next(iter(rows.values())))
    print(f"{'':22}" + "".join(f"{c:>13}" for c in columns))
    for name, values in rows.items():
        print(f"{name:22}" + "".join(f"{values[c]:13.3f}" for c in columns), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--songs", type=int, default=8, help="of each style")
    options.add_argument("--real", type=Path, help="folder with an index.csv")
    options.add_argument("--split", default="valid", help="test is for reports only")
    options.add_argument("--weights", type=Path, help="of another encoder than the one that ships")
    options.add_argument("--keep", type=Path, help="folder for what was embedded")
    options.add_argument("--quick", action="store_true", help="three styles, two songs, two changes")
    chosen = options.parse_args()
    styles, changes = sorted(STYLES), CHANGES
    if chosen.quick:
        styles, changes = styles[:3], {name: CHANGES[name] for name in ("gain -6 dB", "30 s")}
        chosen.songs = 3
    with tempfile.TemporaryDirectory() as scratch:
        run(chosen, styles, changes, Vectors(chosen.keep or Path(scratch), backbones(chosen.weights)))


def backbones(weights: Path | None) -> list[Backbone]:
    """Hand, and the encoder where its weights are."""
    from tonewheel.systems.similar.backbones.encoder import SHIPPED_WEIGHTS, EncoderBackbone

    found: list[Backbone] = [Hand()]
    path = weights or SHIPPED_WEIGHTS
    if path.is_file():
        found.append(EncoderBackbone.load(path))
    return found


def run(
    chosen: argparse.Namespace,
    styles: list[str],
    changes: dict[str, Callable[[Floats], Floats]],
    vectors: Vectors,
) -> None:
    names = [backbone.name for backbone in vectors.backbones]
    songs = [(style, number) for style in styles for number in range(chosen.songs)]

    def song(style: str, number: int) -> Floats:
        seconds = 10.0 if chosen.quick else SONG_S
        return render(compose(SEED + number, style, seconds=seconds), RATE, seconds=seconds).mix

    made = [
        vectors.of(f"song {chosen.quick} {style} {number}", lambda s=style, n=number: song(s, n))
        for style, number in progress(songs, "songs")
    ]
    by_song = [np.stack(column) for column in zip(*made, strict=True)]
    real: list[dict[str, str]] = []
    if chosen.real:
        with (chosen.real / "index.csv").open() as lines:
            allowed = ("train", chosen.split)
            real = [r for r in csv.DictReader(lines) if r["kind"] == "music" and r["split"] in allowed]

    def track(row: dict[str, str]) -> Floats:
        return load(chosen.real / row["path"], sample_rate_hz=RATE)[0]

    heard = [vectors.of(row["path"], lambda r=row: track(r)) for row in progress(real, "tracks")]
    by_track = [np.stack(column) for column in zip(*heard, strict=True)]
    held = [i for i, row in enumerate(real) if row["split"] == chosen.split]
    train = [i for i, row in enumerate(real) if row["split"] == "train"]
    others = [t[train] if train else np.zeros((0, 1)) for t in by_track] or [np.zeros((0, 1))] * len(names)

    labels = [style for style, _ in songs]
    rows = {name: scores(v, labels) for name, v in variants(names, by_song, others).items()}
    table(f"styles: {len(songs)} synthesised songs of {len(styles)} styles", rows)
    if held:
        many = Counter(real[i]["source_repo"] for i in held)
        some = [i for i in held if many[real[i]["source_repo"]] >= 3]
        labels = [real[i]["source_repo"] for i in some]
        found = variants(names, [t[some] for t in by_track], others)
        rows = {name: scores(v, labels) for name, v in found.items()}
        table(f"sources: {len(some)} real tracks of {len(set(labels))} sources, split {chosen.split}", rows)

    asked = [("track", i) for i in held] if held else [("song", i) for i in range(len(songs))]
    candidates = (
        [np.concatenate([*(t,), s]) for t, s in zip(by_track, by_song, strict=True)] if real else by_song
    )
    recall: dict[str, dict[str, float]] = {name: {} for name in names}
    for change, apply in changes.items():
        queries = []
        for kind, i in progress(asked, change):
            sound = (lambda r=real[i]: track(r)) if kind == "track" else (lambda s=songs[i]: song(*s))
            label = f"{real[i]['path'] if kind == 'track' else songs[i]} {chosen.quick} {change}"
            queries.append(vectors.of(label, lambda f=apply, s=sound: f(s())))
        for number, column in enumerate(zip(*queries, strict=True)):
            right = [i for _, i in asked]
            recall[names[number]][change] = neighbours.recall_at_1(
                np.stack(column), candidates[number], np.array(right)
            )
    table(
        f"changed: {len(asked)} {asked[0][0]}s, each looked for among {len(candidates[0])}, recall@1",
        recall,
    )


if __name__ == "__main__":
    main()
