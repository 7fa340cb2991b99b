"""What a user would complain of, tried out: copies in lists, crowds, uneven paths, wrong styles, waiting."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.core.errors import TonewheelError
from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.degrade.pitch_shift import PitchShift
from tonewheel.degrade.time_stretch import TimeStretch
from tonewheel.metrics.calibration import expected_calibration_error
from tonewheel.systems.similar.backbones.base import Backbone
from tonewheel.systems.similar.find import find, track_query
from tonewheel.systems.similar.library import Library
from tonewheel.systems.similar.styles import Styles, fit_rule
from tonewheel.systems.similar.travel import path

Floats = NDArray[np.float32]

LIST = 10
QUERIES = 500
PATHS, STEPS = 50, 8
FOLDS = 5
CROP_S = 30.0


def lists(library: Library) -> dict[str, float]:
    """The first ten of many tracks: copies and versions in one list, and the most places of one artist."""
    copies = crowd = 0
    asked = library.tracks[:: max(1, len(library) // QUERIES)]
    for track in asked:
        matches = find(library, track_query(library, track), LIST).matches
        groups = [int(library.groups[library.number[match.track]]) for match in matches]
        own = int(library.groups[library.number[track]])
        copies += len(groups) - len(set(groups)) + groups.count(own)
        artists = Counter(match.artist.casefold() for match in matches if match.artist)
        crowd = max(crowd, *artists.values()) if artists else crowd
    return {"lists": len(asked), "copies": copies, "most_of_an_artist": crowd}


def latency_ms(library: Library, repeats: int = 200) -> dict[str, float]:
    """Milliseconds that a search of the vectors takes, by the clock: median and 95th percentile."""
    rows = library.vectors.vectors
    took = []
    for number in range(repeats):
        began = perf_counter()
        library.vectors.search(rows[number % len(rows)], LIST)
        took.append(1000 * (perf_counter() - began))
    return {"p50_ms": float(np.median(took)), "p95_ms": float(np.quantile(took, 0.95))}


def paths(library: Library, seed: int = 0) -> dict[str, float]:
    """Paths between drawn tracks: rank correlation of a step's number with its likeness to the end, at its worst and
    on average, and how many paths there were.
    """
    from scipy.stats import spearmanr

    rng = generator(seed, "paths")
    found = []
    for _ in range(PATHS):
        first, last = (library.tracks[i] for i in rng.choice(len(library), 2, replace=False))
        try:
            steps = path(library, track_query(library, first), track_query(library, last), STEPS)
        except TonewheelError:
            continue  # versions of one song, or too few tracks between them
        end = library.vectors.vector(last)
        near = [float(library.vectors.vector(step.track) @ end) for step in steps]
        found.append(float(spearmanr(range(len(near)), near).statistic))
    if not found:
        return {"paths": 0.0}
    return {"paths": len(found), "spearman": float(np.mean(found)), "spearman_least": min(found)}


def style_calibration(library: Library, seed: int = 0) -> dict[str, float]:
    """Expected calibration error of the styles' confidence on tracks that the rule was not fitted on.

    Every fold of groups of versions is left out once; each of its tracks is placed twice, the second time with its
    own style hidden, where "none of these" is right.
    """
    names = library.about.styles.names
    known = np.flatnonzero(library.style_of >= 0)
    if len(names) < 3 or len(known) < 4 * FOLDS:
        return {}
    tracks, rows = library.tracks, library.vectors.vectors
    order = generator(seed, "folds").permutation(np.unique(library.groups[known]))
    sure, right = [], []
    for fold in np.array_split(order, FOLDS):
        held = known[np.isin(library.groups[known], fold)]
        rest = np.setdiff1d(known, held)
        labels = {tracks[i]: int(library.style_of[i]) for i in rest}
        for hidden in (None, *range(len(names))):
            shown = {track: style for track, style in labels.items() if style != hidden}
            asked = held if hidden is None else held[library.style_of[held] == hidden]
            numbers = sorted(set(shown.values()))
            if len(numbers) < 2:
                continue
            styles = Styles(
                names=tuple(names[number] for number in numbers),
                style_of={track: numbers.index(style) for track, style in shown.items()},
            )
            chosen = np.array([i for i in rest if tracks[i] in shown])
            _, centroids, rule = fit_rule(
                rows[chosen], library.groups[chosen], styles, [tracks[i] for i in chosen]
            )
            for track in asked.tolist():
                member = rule.place(rows[track], centroids)
                sure.append(member.confidence)
                truth = names[library.style_of[track]] if hidden is None else None
                right.append(member.style == truth)
    if not sure:
        return {}
    return {
        "n": len(sure),
        "accuracy": float(np.mean(right)),
        "ece": expected_calibration_error(sure, right, bins=10),
    }


def changed(library: Library, backbone: Backbone, count: int, seed: int = 0) -> dict[str, float]:
    """Share of tracks that are still their own nearest after a change, for each change; and seconds a second of query.

    The files must still be where they were indexed; silent or missing ones are passed over.
    """
    rng = generator(seed, "changed")
    chosen = rng.choice(len(library), min(count, len(library)), replace=False)
    hits: dict[str, list[bool]] = {}
    took = heard = 0.0
    for number in progress(chosen.tolist(), "change", unit="tracks"):
        track = library.tracks[number]
        try:
            audio, rate_hz = load(Path(library.root) / track)
        except TonewheelError:
            continue
        for name, other in _changes(audio, rate_hz, rng).items():
            began = perf_counter()
            vector = backbone.pool(backbone.embed(other, rate_hz))
            if not vector.any():
                continue
            best = library.vectors.search(vector, 1)[0].id
            took, heard = took + perf_counter() - began, heard + len(other) / rate_hz
            hits.setdefault(name, []).append(library.groups[library.number[best]] == library.groups[number])
    scores = {name: float(np.mean(found)) for name, found in hits.items()}
    return scores | (
        {"seconds_a_second": took / heard, "tracks": len(hits.get("as it is", ()))} if heard else {}
    )


def _changes(audio: Floats, rate_hz: int, rng: np.random.Generator) -> dict[str, Floats]:
    level = float(np.sqrt(np.mean(np.square(audio)))) + 1e-9
    noise = (level * 10 ** (-20 / 20) * rng.standard_normal(len(audio))).astype(np.float32)
    crop = round(CROP_S * rate_hz)
    start = int(rng.integers(0, max(1, len(audio) - crop)))
    return {
        "as it is": audio,
        "pitch -1": PitchShift(semitones=-1.0).apply(audio, rate_hz),
        "pitch +1": PitchShift(semitones=1.0).apply(audio, rate_hz),
        "tempo -5 %": TimeStretch(rate=0.95).apply(audio, rate_hz),
        "tempo +5 %": TimeStretch(rate=1.05).apply(audio, rate_hz),
        "noise 20 dB": audio + noise,
        "gain -6 dB": audio * np.float32(0.5),
        "gain +6 dB": audio * np.float32(2.0),
        "crop 30 s": audio[start : start + crop],
    }
