"""Measure the hit classifier on kits it never heard: labels, velocity, openness, and what is no drum."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.files import write_json
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.metrics.bootstrap import Interval
from tonewheel.metrics.detection import evaluate as detection
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits.answers import HitAnswer
from tonewheel.systems.drums.hits.classifier import HitClassifier
from tonewheel.systems.drums.hits.outliers import Outliers
from tonewheel.systems.drums.hits.rules import judge
from tonewheel.systems.drums.hits.scores import confusion, f_scores, macro_f, macro_f_interval
from tonewheel.systems.drums.hits.shelf import Known, Shelf
from tonewheel.systems.drums.hits.strengths import drum_of, peak_db
from tonewheel.systems.drums.hits.toms import as_one_kit, by_pitch, pitch_hz
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.stage.kits import SAMPLE_RATE_HZ, Audio

FEWEST_FOR_RANKS = 5
JITTER_S = 0.02
AUDIO = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aiff")


class LabelScore(Record):
    """How one label was found."""

    n: int
    precision: float | None
    recall: float
    f: float
    velocity_by_sound: float | None
    """Spearman's rank correlation of the velocity with the pack's layers, its level not told."""
    velocity_by_level: float | None
    """The same when the level of the file is told."""
    velocity_n: int


class HitScores(Record):
    """All figures of one evaluation; `unknown` holds AUROC, AUPRC and the false positive rate by kind."""

    split: str
    kits: tuple[str, ...]
    n: int
    macro_f: Interval
    """Each hit alone."""
    macro_f_one_kit: Interval
    """The hits of a kit together, as `drums classify` takes those of a folder."""
    accuracy: float
    macro_f_off_onset: float
    """The same hits with onsets up to 20 ms off."""
    macro_f_by_rule: float
    labels: dict[str, LabelScore]
    confusion: list[list[int]]
    """Rows: what it was; columns: what it was taken for; in the order of the labels."""
    openness_mae: float | None
    openness_n: int
    unknown: dict[str, dict[str, float]]
    ms_a_hit: float
    weights: str
    details: dict[str, Any] = msgspec.field(default_factory=dict)

    def markdown(self) -> str:
        """The tables of a card."""
        rows = "\n".join(
            f"| {name} | {one.n} | {_told(one.precision)} | {one.recall:.3f} | {one.f:.3f} | "
            f"{_told(one.velocity_by_sound)} | {_told(one.velocity_by_level)} |"
            for name, one in self.labels.items()
        )
        apart = "\n".join(
            f"| {kind} | {int(one['negatives'])} | {one['auroc']:.3f} | {one['auprc']:.3f} | {one['fpr']:.3f} |"
            for kind, one in self.unknown.items()
        )
        open_text = _told(self.openness_mae)
        return f"""{self.n} hits of {", ".join(self.kits)} ({self.split}), of which training heard none.

| | |
| --- | --- |
| macro F, 12 labels, each hit alone | {self.macro_f} |
| macro F, the hits of a kit together | {self.macro_f_one_kit} |
| accuracy | {self.accuracy:.3f} |
| macro F, onsets up to 20 ms off | {self.macro_f_off_onset:.3f} |
| macro F by rule, without learning | {self.macro_f_by_rule:.3f} |
| openness of hats, mean absolute error | {open_text} (n={self.openness_n}) |
| time a hit, one thread | {self.ms_a_hit:.1f} ms |

| label | n | precision | recall | F | velocity, by sound alone | velocity, level told |
| --- | --- | --- | --- | --- | --- | --- |
{rows}

Velocity: Spearman's rank correlation with the layers of the pack, labels with {FEWEST_FOR_RANKS} hits or more.

| no drum | n | AUROC | AUPRC | FPR at 95 % TPR |
| --- | --- | --- | --- | --- |
{apart}"""


def evaluate(
    prepared: Prepared,
    classifier: HitClassifier,
    out: Path,
    *,
    split: str = "test",
    outliers: Path | None = None,
    count: int = 480,
    seed: int = 0,
) -> HitScores:
    """Write hits.json, hits.html and confusion.png into `out`; `outliers` is a folder of what is no drum."""
    shelf = Shelf(prepared, split)
    known = [one for one in shelf.known if not one.shot.synthetic]
    if not known:
        raise InputError(prepared.folder, f"has no recorded hits in the {split} split")
    reference = np.array([one.label for one in known])
    began = perf_counter()
    answers = _ask(classifier, shelf, known)
    ms_a_hit = 1000 * (perf_counter() - began) / len(known)
    estimate = _labels(answers)
    rng = generator(seed, "evaluate hits", split)
    off = _ask(classifier, shelf, known, rng.uniform(-JITTER_S, JITTER_S, len(known)))
    told = [np.nan if (level := peak_db(one.shot)) is None else level for one in known]
    with_level = _ask(classifier, shelf, known, levels_db=told)
    ruled = [judge(shelf.shot(one.shot), SAMPLE_RATE_HZ, 0.0) for one in known]

    def interval(labels: NDArray[np.int64]) -> Interval:
        drums = [drum_of(one.shot) for one in known]
        return macro_f_interval(reference, labels, drums, len(LABELS), generator(seed, "bootstrap"))

    table = confusion(reference, estimate, len(LABELS))
    openness = [
        abs((answer.openness if answer.openness is not None else 0.5) - one.openness)
        for answer, one in zip(answers, known, strict=True)
        if np.isfinite(one.openness) and answer.openness is not None
    ]
    scores = HitScores(
        split=split,
        kits=tuple(sorted({one.shot.kit for one in known})),
        n=len(known),
        macro_f=interval(estimate),
        macro_f_one_kit=interval(_labels(_by_kit(known, answers))),
        accuracy=float(np.mean(reference == estimate)),
        macro_f_off_onset=macro_f(reference, _labels(off), len(LABELS)),
        macro_f_by_rule=macro_f(reference, _labels(ruled), len(LABELS)),
        labels=_by_label(known, answers, with_level, told, table),
        confusion=table.tolist(),
        openness_mae=float(np.mean(openness)) if openness else None,
        openness_n=len(openness),
        unknown=_unknown(prepared, classifier, answers, split, outliers, count, rng),
        ms_a_hit=ms_a_hit,
        weights=classifier.fingerprint,
    )
    from tonewheel.systems.drums.hits.report import write_report

    write_json(out / "hits.json", scores)
    write_report(scores, out)
    return scores


def _ask(
    classifier: HitClassifier,
    shelf: Shelf,
    known: list[Known],
    off_s: NDArray[np.float64] | None = None,
    levels_db: list[float] | None = None,
) -> list[HitAnswer]:
    front = classifier.recipe.front_end
    clips = np.zeros((len(known), front.samples), np.float32)
    for number, one in enumerate(known):
        sound = shelf.shot(one.shot)
        start = front.lead_samples + (0 if off_s is None else round(off_s[number] * front.sample_rate_hz))
        piece = sound[: front.samples - start]
        clips[number, start : start + len(piece)] = piece
    levels = (
        np.full(len(known), np.nan, np.float32) if levels_db is None else np.asarray(levels_db, np.float32)
    )
    found: list[HitAnswer] = []
    for first in range(0, len(known), 32):
        found += classifier.answers(clips[first : first + 32], levels[first : first + 32])
    onset_s = front.lead_samples / front.sample_rate_hz
    return [
        by_pitch(answer, pitch_hz(clip, onset_s, front.sample_rate_hz))
        for answer, clip in zip(found, clips, strict=True)
    ]


def _by_kit(known: list[Known], answers: list[HitAnswer]) -> list[HitAnswer]:
    out = list(answers)
    for kit in {one.shot.kit for one in known}:
        places = [place for place, one in enumerate(known) if one.shot.kit == kit]
        for place, answer in zip(places, as_one_kit([answers[place] for place in places]), strict=True):
            out[place] = answer
    return out


def _labels(answers: list[HitAnswer]) -> NDArray[np.int64]:
    return np.array([LABELS.index(answer.label) for answer in answers])


def _by_label(
    known: list[Known],
    answers: list[HitAnswer],
    with_level: list[HitAnswer],
    told: list[float],
    table: NDArray[np.int64],
) -> dict[str, LabelScore]:
    scores = f_scores(table)
    velocity = np.array([one.velocity for one in known])
    found = {}
    for number, name in enumerate(LABELS):
        if not table[number].sum():
            continue
        own = np.array([one.label == number for one in known]) & np.isfinite(velocity)
        leveled = own & np.isfinite(np.array(told))
        taken = int(table[:, number].sum())
        found[name] = LabelScore(
            n=int(table[number].sum()),
            precision=float(table[number, number] / taken) if taken else None,
            recall=float(table[number, number] / table[number].sum()),
            f=float(scores[number]),
            velocity_by_sound=_ranks(velocity[own], np.array([a.velocity for a in answers])[own]),
            velocity_by_level=_ranks(velocity[leveled], np.array([a.velocity for a in with_level])[leveled]),
            velocity_n=int(own.sum()),
        )
    return found


def _ranks(reference: NDArray[np.float64], estimate: NDArray[np.float64]) -> float | None:
    from scipy.stats import spearmanr

    if len(reference) < FEWEST_FOR_RANKS or np.ptp(reference) == 0 or np.ptp(estimate) == 0:
        return None
    return float(spearmanr(reference, estimate).statistic)


def _unknown(
    prepared: Prepared,
    classifier: HitClassifier,
    answers: list[HitAnswer],
    split: str,
    folder: Path | None,
    count: int,
    rng: np.random.Generator,
) -> dict[str, dict[str, float]]:
    """Drums against what is none, by kind and all together."""
    front = classifier.recipe.front_end
    made = Outliers(prepared, split, front.samples, front.lead_samples, per_kind=min(32, max(2, count // 8)))
    clips = [made.draw(rng, kind) for kind in made.kinds for _ in range(max(1, count // len(made.kinds)))]
    if folder is not None:
        clips += _from_files(folder, front.samples, count, rng)
    known = np.array([1 - answer.unknown for answer in answers])
    by_kind: dict[str, list[float]] = {}
    for first in range(0, len(clips), 32):
        part = clips[first : first + 32]
        for (kind, _), answer in zip(
            part, classifier.answers(np.stack([clip for _, clip in part])), strict=True
        ):
            by_kind.setdefault(kind, []).append(1 - answer.unknown)
    by_kind = {"all": [value for own in by_kind.values() for value in own], **by_kind}
    return {
        kind: detection(np.concatenate([known, values]), np.arange(len(known) + len(values)) < len(known))
        for kind, values in by_kind.items()
    }


def _from_files(folder: Path, samples: int, count: int, rng: np.random.Generator) -> list[tuple[str, Audio]]:
    """Pieces of the recordings in a folder, as many of each; the folder's name is their kind."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO)
    if not paths:
        raise InputError(folder, "holds no audio")
    found: list[tuple[str, Audio]] = []
    for path in paths:
        try:
            audio, _ = load(path, sample_rate_hz=SAMPLE_RATE_HZ, duration_s=30.0)
        except TonewheelError:
            continue
        for _ in range(max(1, count // len(paths))):
            start = int(rng.integers(0, max(1, len(audio) - samples)))
            piece = audio[start : start + samples]
            found.append((path.parent.name, np.pad(piece, (0, samples - len(piece)))))
    return found


def _told(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
