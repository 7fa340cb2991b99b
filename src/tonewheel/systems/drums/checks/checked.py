"""The checks of `drums check`, each a report for machines and a page for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tonewheel.core.errors import InputError
from tonewheel.gates.alignment import AlignmentGate
from tonewheel.gates.base import AnswersGate, Judgement, Limits
from tonewheel.gates.hits import Clip, HitsGate
from tonewheel.gates.html import Markup
from tonewheel.gates.report import Report
from tonewheel.manifest.answers import read_answers
from tonewheel.manifest.event_lines import Quarantine, number_of, read_events
from tonewheel.manifest.session import read_session
from tonewheel.manifest.tracks import Quarantined, read_tracks


class Checked(NamedTuple):
    """A report and the sections of its page that are no verdicts."""

    report: Report
    sections: tuple[Markup, ...] = ()

    def write(self, path: str | Path) -> tuple[Path, Path]:
        """Write PATH.json and PATH.html."""
        return self.report.write(path, self.sections) if self.sections else self.report.write(path)


def check_alignment(manifest: str | Path, gate: AlignmentGate) -> Checked:
    """Whether the microphones of a session hear its transients at one time."""
    session = read_session(manifest)
    judged = gate.check(session, Path(manifest).parent)
    facts = {"session": session.session_id, "mics": ", ".join(mic.name for mic in session.mics)}
    return _checked(f"Alignment of {session.session_id}", gate, judged, facts)


def check_answers(
    ground_truth: str | Path,
    predictions: str | Path,
    gate: AnswersGate,
    *,
    fold: int | None = None,
    unknown_field: str | None = None,
) -> Checked:
    """What a gate says of predictions beside the truth; both files are joined on `sample_id`."""
    answers = read_answers(ground_truth, predictions, fold=fold, unknown_field=unknown_field)
    facts = {
        "ground truth": str(ground_truth),
        "predictions": str(predictions),
        "examples": len(answers.sample_ids),
        "without a prediction": int((~answers.predicted).sum()),
        "labels": ", ".join(answers.labels),
    }
    return _checked(TITLES[gate.name], gate, gate.check(answers), facts, answers.quarantined)


TITLES = {
    "boundary": "Hits at the edges of windows",
    "openset": "Known and unknown",
    "bootstrap": "Scores with intervals",
    "labels": "Labels that are probably wrong",
}


def check_duplicates(source: str | Path, gate: HitsGate) -> Checked:
    """Whether hits are there twice: clips of a folder or index, or the events of a manifest in their audio."""
    left_out: list[Quarantined] = []
    clips = list(clips_of(source, left_out))
    judged, broken = gate.check(clips)
    if not judged.measured["hits"]:
        why = next((f" (as {one})" for one in [*left_out, *broken]), "")
        raise InputError(source, f"holds no hit that can be compared{why}")
    facts = {"source": str(source), "hits": len(clips)}
    return _checked("The same hit twice", gate, judged, facts, [*left_out, *broken])


def clips_of(source: str | Path, left_out: list[Quarantined]) -> Iterator[Clip]:
    """The hits of a folder, an index or a manifest of events; events without audio or time are left out."""
    path = Path(source)
    if path.is_dir() or path.suffix.lower() == ".csv":
        index = path / "index.csv" if (path / "index.csv").is_file() else path
        reading = read_tracks(index, tags=False)
        left_out += reading.quarantined
        root = index if index.is_dir() else index.parent
        kinds = {track.kind for track in reading.tracks}
        wanted = "oneshot" if "oneshot" in kinds else "music"
        for track in reading.tracks:
            if track.kind == wanted:
                yield Clip(track.path, root / track.path)
        return
    with Quarantine(None) as quarantine:
        for number, _, event in read_events(path, quarantine):
            onset_s, audio = number_of(event.get("onset_time")), event.get("audio_path")
            if not audio:
                left_out.append(Quarantined(path=str(path), line=number, reason="has no audio_path"))
            else:
                yield Clip(event["sample_id"], path.parent / audio, onset_s)
        if quarantine.count:
            left_out.append(Quarantined(path=str(path), reason=f"{quarantine.count} lines are no events"))


def _checked(
    title: str,
    gate: Limits,
    judged: Judgement,
    facts: dict[str, Any],
    quarantined: Sequence[Quarantined] = (),
) -> Checked:
    limits = {f"{gate.name}.{key}": value for key, value in gate.to_dict().items() if value is not None}
    report = Report(
        title=title,
        verdicts=judged.verdicts,
        quarantined=tuple(quarantined),
        facts={**facts, "left out": len(quarantined), **limits},
        measured=judged.measured,
    )
    return Checked(report, judged.sections)
