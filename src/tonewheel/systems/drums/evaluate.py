"""How good is it? Tables by the protocol of TARGETS.md, beside what a user could pick instead.

Annotated songs of others, whole, at their natural prevalence, drums alone and in a mix; and held-out rendered
scenes. The songs are looked at here and nowhere else. Intervals resample songs, not hits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.console import say
from tonewheel.core.files import refuse_unwritable, write_json, write_text
from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.metrics.bootstrap import Interval, interval
from tonewheel.metrics.onsets import Counts, count, deviations
from tonewheel.systems.drums.baselines import librosa_onset
from tonewheel.systems.drums.baselines.flux import flux, pick
from tonewheel.systems.drums.card import card
from tonewheel.systems.drums.hearing.decode import family_times
from tonewheel.systems.drums.hearing.ears import Ears
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.scoring.labels import Tally
from tonewheel.systems.drums.scoring.renders import measure
from tonewheel.systems.drums.scoring.report import Answer, Line, Scores
from tonewheel.systems.drums.scoring.songs import FIVE, Song, read_songs

THREE = ("kick", "snare", "hihat")
TOLERANCES_S = (0.05, 0.03, 0.02)
TARGETS = {("drums alone", 0.05): 0.86, ("drums alone", 0.02): 0.80, ("mix", 0.05): 0.80}
FLUX_THRESHOLDS = {"kick": 1.7, "snare": 1.2, "hihat": 0.8}
"""For power against the mean level of the recording; fitted on held-out renders, as ours are."""

Times = dict[str, NDArray[np.float64]]
Method = Callable[[NDArray[np.float32]], Times]


def evaluate(
    ears: Ears,
    songs: Path,
    out: Path,
    *,
    baselines: bool = True,
    drums_to_rest_db: float = 0.0,
    prepared: Path | None = None,
    scenes: int = 60,
) -> Scores:
    """Score the songs of a folder; writes scores.json, scores.md, index.html and card.md in `out`.

    With `prepared` also on so many held-out renders. Weights from a file are scored in int8 as well, and left
    beside the report as drums.int8.safetensors.
    """
    # Whatever may be wrong with the inputs is told before anything is written.
    refuse_unwritable(out / "scores.json")
    held = None if prepared is None else Prepared(prepared)
    heard = list(read_songs(songs, ears.spec.sample_rate_hz))
    methods: dict[str, Method] = {"tonewheel": lambda audio: _ours(ears, audio)}
    small = None
    size_mb = {}
    if ears.path is not None:
        small = ears.write_int8(out / "drums.int8.safetensors")
        methods["int8"] = lambda audio: _ours(small, audio)
        size_mb = {
            name: round(one.path.stat().st_size / 1e6, 3)
            for name, one in (("float32", ears), ("int8", small))
            if one.path is not None
        }
    if baselines:
        methods["band flux"] = _flux
        if librosa_onset.available():
            methods["librosa"] = librosa_onset.onsets
        else:
            say("librosa is not installed: no librosa column")
    answers = []
    tallies = {"drums alone": Tally(), "mix": Tally()}
    for song in progress(heard, "hear songs"):
        for condition, audio in (("drums alone", song.drums), ("mix", song.mix(drums_to_rest_db))):
            answers += [_answer(song, condition, name, method(audio)) for name, method in methods.items()]
            if song.labels:
                tallies[condition].add(song.labels, ears.transcribe(audio))
    scores = Scores(
        model=ears.fingerprint,
        songs=tuple(dict.fromkeys(answer.song for answer in answers)),
        drums_to_rest_db=drums_to_rest_db,
        lines=tuple(_lines(answers, list(methods))),
        size_mb=size_mb,
        labels={condition: figures for condition, tally in tallies.items() if (figures := tally.figures())},
        renders=measure(held, ears, small, scenes) if held is not None else None,
        answers=tuple(answers),
    )
    write_json(out / "scores.json", scores)
    write_text(out / "scores.md", scores.markdown() + "\n")
    write_text(out / "index.html", scores.page())
    if ears.path is not None:
        write_text(out / "card.md", card(ears.path, scores.markdown()))
    return scores


def _ours(ears: Ears, audio: NDArray[np.float32]) -> Times:
    return dict(zip(FIVE, family_times(ears.curves(audio), ears.rule), strict=False))


def _flux(audio: NDArray[np.float32]) -> Times:
    return {name: pick(curve, FLUX_THRESHOLDS[name]) for name, curve in flux(audio).items()}


def _answer(song: Song, condition: str, method: str, found: Times) -> Answer:
    counts: dict[str, dict[str, tuple[int, ...]]] = {}
    late = []
    for name in FIVE:
        reference, estimate = song.times[name], found.get(name, np.empty(0))
        counts[name] = {f"{1000 * t:g}": tuple(count(reference, estimate, t)) for t in TOLERANCES_S}
        late.append(deviations(reference, estimate))
    every = np.concatenate(late)
    offset = round(1000 * float(np.median(every)), 2) if len(every) else None
    return Answer(song=song.name, condition=condition, method=method, counts=counts, offset_median_ms=offset)


def _lines(answers: Sequence[Answer], methods: Sequence[str]) -> Iterable[Line]:
    for condition in ("drums alone", "mix"):
        for method in methods:
            own = [a for a in answers if a.condition == condition and a.method == method]
            ours = method == "tonewheel"
            for tolerance_s in TOLERANCES_S:
                target = TARGETS.get((condition, tolerance_s)) if ours else None
                name = f"{condition}, micro @{1000 * tolerance_s:g} ms"
                for table, classes in (("Five classes", FIVE), ("Three classes", THREE)):
                    value = _pooled(own, classes, tolerance_s)
                    kept = target if table == "Five classes" else None
                    yield Line(table=table, name=name, method=method, value=value, target=kept)
            for name in FIVE:
                yield Line(
                    table=f"Each class at 50 ms, {condition}",
                    name=name,
                    method=method,
                    value=_pooled(own, (name,), 0.05),
                )
            yield Line(
                table=f"Each class at 50 ms, {condition}",
                name="macro over classes",
                method=method,
                value=_plain(_macro(own), len(own)),
            )
            for answer in own:
                yield Line(
                    table=f"Each song at 50 ms, five classes, {condition}",
                    name=answer.song,
                    method=method,
                    value=_plain(_counts([answer], FIVE, 0.05).f, 1),
                )
            offsets = [a.offset_median_ms for a in own if a.offset_median_ms is not None]
            yield Line(
                table="Median of the songs' median offset, ms",
                name=condition,
                method=method,
                value=_plain(float(np.median(offsets)) if offsets else float("nan"), len(offsets)),
            )


def _counts(answers: Sequence[Answer], classes: Sequence[str], tolerance_s: float) -> Counts:
    total = Counts()
    for answer in answers:
        for name in classes:
            total = total.plus(Counts(*answer.counts[name][f"{1000 * tolerance_s:g}"]))
    return total


def _macro(answers: Sequence[Answer]) -> float:
    each = [_counts(answers, (name,), 0.05) for name in FIVE]
    return float(np.mean([one.f for one in each if one.reference]))


def _pooled(answers: Sequence[Answer], classes: Sequence[str], tolerance_s: float) -> Interval:
    """F of all hits together, its interval over songs."""
    rows = np.array([_counts([answer], classes, tolerance_s) for answer in answers], dtype=np.float64)

    def pooled_f(songs: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        drawn = np.atleast_2d(weights) @ rows[songs.astype(int)]
        return np.asarray(2 * drawn[:, 0] / np.maximum(drawn[:, 1] + drawn[:, 2], 1))

    numbers = np.arange(len(rows), dtype=np.float64)
    return interval(numbers, rng=generator(0, "bootstrap"), groups=np.arange(len(rows)), statistic=pooled_f)


def _plain(value: float, n: int) -> Interval:
    return Interval(value=value, low=None, high=None, n=n, groups=n)
