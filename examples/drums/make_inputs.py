"""Makes the small inputs of this folder, the same at every run: `python examples/drums/make_inputs.py [FOLDER]`."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

LABELS = ("kick", "snare", "hihat_closed", "hihat_open", "crash", "ride", "tom_low")
Row = dict[str, Any]


def scores(rng: random.Random, true: Iterable[str], sure: float = 0.85) -> dict[str, float]:
    """What a fair model says: sure of what is there, a little of what is not."""
    return {
        label: round(min(1.0, max(0.0, rng.gauss(sure if label in true else 0.08, 0.07))), 3)
        for label in LABELS
    }


def boundary(rng: random.Random) -> tuple[list[Row], list[Row]]:
    """Hits at the edges of windows of 2,048 ms, in every way a prediction may be stated."""
    truth, said = [], []
    for number in range(84):
        label, edge = LABELS[number % len(LABELS)], ("leading", "trailing")[number % 2]
        name = f"b{number:03d}@{number}-{edge}"
        row = {"sample_id": name, "session_id": f"s{number % 6}", "window_index": number, "edge": edge}
        truth.append(row | {"window_size": 90317, "hop_size": 22579, "labels": [label]})
        said.append(
            (
                {"sample_id": name, "scores": scores(rng, [label])},
                {"sample_id": name, "predicted_labels": [label]},
                {"sample_id": name, "predicted_label": label, "confidence": round(rng.uniform(0.7, 1), 3)},
                {"sample_id": name, "labels": label},
            )[number % 4]
        )
    return truth, said


def openset(rng: random.Random) -> tuple[list[Row], list[Row]]:
    """Drums that the model knows, and other sounds."""
    truth, said = [], []
    for number in range(160):
        known = number % 4 != 0
        truth.append({"sample_id": f"o{number:03d}", "is_known": known})
        sure = rng.gauss(0.85, 0.06) if known else rng.gauss(0.45, 0.12)
        said.append({"sample_id": f"o{number:03d}", "scores": scores(rng, [rng.choice(LABELS)], sure)})
    return truth, said


def bootstrap(rng: random.Random) -> tuple[list[Row], list[Row]]:
    """A test split of 12 sessions, some of which the model finds harder; a few labels are wrong."""
    truth, said = [], []
    for number in range(240):
        session = number % 12
        struck = rng.sample(LABELS, 2 if rng.random() < 0.2 else 1)
        given = struck if number % 60 else [rng.choice(LABELS)]
        name = f"t{number:03d}"
        truth.append({"sample_id": name, "session_id": f"session_{session:02d}", "labels": sorted(given)})
        said.append({"sample_id": name, "scores": scores(rng, struck, 0.9 - 0.02 * session)})
    return truth, said


def events(rng: random.Random) -> list[Row]:
    """two drummers, 16 bars: every label, four techniques, hi-hat openness, one id twice."""
    rows: list[Row] = []
    for number in range(128):
        drummer, bar = number % 2, number // 8
        label = ("kick", "hihat_closed", "snare", "hihat_open", "kick", "ride", "crash", "tom_low")[
            number % 8
        ]
        component: Row = {
            "label": label,
            "velocity": round(rng.uniform(0.3, 1), 2),
            "dynamic_bucket": "medium",
        }
        if label.startswith("hihat"):
            raw = rng.randrange(0, 30) if label == "hihat_open" else rng.randrange(90, 128)
            component |= {"openness": round(1 - raw / 127, 3), "openness_raw": raw}
        techniques = [name for name, every in TECHNIQUES.items() if bar % every == 0 and number % 8 == 3]
        rows.append(
            {
                "sample_id": f"e{number:04d}" if number != 100 else "e0099",
                "session_id": f"session_{drummer}",
                "drummer_id": f"drummer_{drummer}",
                "kit_id": f"kit_{drummer}",
                "room_id": "room",
                "source_set": "made",
                "is_synthetic": number % 16 == 0,
                "audio_path": f"audio/session_{drummer}.flac",
                "onset_time": round(number * 0.25, 3),
                "tempo_bpm": 120.0,
                "meter": "4/4",
                "bar_index": bar,
                "beat_index": number % 8 // 2,
                "components": [component],
                "techniques": techniques,
                "bleed_level": ("low", "med", "high")[number % 3],
                "mix_context": ("close_mic", "overheads")[drummer],
                "device_vendor": "ExampleVendor",
                "device_model": "Module-1",
                "loudness": {
                    "LUFS_i": round(rng.uniform(-30, -14), 1),
                    "peak_dbfs": round(rng.uniform(-9, 0), 1),
                },
            }
        )
    return rows


TECHNIQUES = {"hihat_bark": 1, "metric_modulation": 6, "variable_meter": 8, "multi_cymbal_same_class": 4}


def hard_negatives(rng: random.Random) -> tuple[list[Row], list[Row]]:
    """Events of a song, and predictions for it with ids of their own: some where nobody struck."""
    struck, said = [], []
    for number in range(30):
        label = LABELS[number % 4]
        where = {
            "session_id": "song_1",
            "audio_path": "audio/song_1.flac",
            "onset_time": round(0.5 * number, 3),
        }
        struck.append({"sample_id": f"song_1-{number:02d}", **where, "components": [{"label": label}]})
        where["onset_time"] = round(0.5 * number + rng.uniform(-0.02, 0.02), 4)
        said.append({"sample_id": f"p{number:02d}", **where, "scores": {label: 0.93}})
        if number % 3 == 0:
            where["onset_time"] = round(0.5 * number + 0.25, 4)
            wrong = ("crash", "snare")[number % 2]
            said.append(
                {"sample_id": f"p{number:02d}x", **where, "scores": {wrong: round(rng.uniform(0.6, 0.99), 3)}}
            )
    return struck, said


def curves() -> Row:
    """Openness curves of two modules that do not exist; the second one counts down."""
    points = {"Module-1": [(0, 1.0), (40, 0.6), (90, 0.1), (127, 0.0)], "Module-2": [(0, 0.0), (127, 1.0)]}
    models = {
        model: {
            "curve_id": f"example_{model.lower()}",
            "offset": 0.0,
            "breakpoints": [{"raw": raw, "normalized": normalized} for raw, normalized in breakpoints],
        }
        for model, breakpoints in points.items()
    }
    return {"schema_version": 1, "vendors": {"ExampleVendor": models}}


def main(folder: Path) -> None:
    def rows(name: str, lines: list[Row]) -> None:
        (folder / name).write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))

    folder.mkdir(parents=True, exist_ok=True)
    for kind, make in (("boundary", boundary), ("openset", openset), ("bootstrap", bootstrap)):
        truth, said = make(random.Random(kind))
        rows(f"{kind}_labels_example.jsonl", truth)
        rows(f"{kind}_predictions_example.jsonl", said)
    rows("events_health_example.jsonl", events(random.Random("events")))
    struck, said = hard_negatives(random.Random("negatives"))
    rows("hard_negative_events_example.jsonl", struck)
    rows("hard_negative_predictions_example.jsonl", said)
    (folder / "openness_curves.json").write_text(json.dumps(curves(), indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
