"""The card that goes with weights: what they are, what they learned from, how good they are, where they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tonewheel.learn.checkpoint import load_model

USE = """Tells which drum of a kit was struck when, and how hard, in a recording of drums alone or of a whole band:
twelve labels, found as the five classes of the literature and auxiliary percussion. It learned from rendered
performances, not from annotated recordings; brushes, electronic sounds far from any drum, and percussion other
than a kit's are guesses."""


def card(weights: Path, scores: str = "") -> str:
    """Markdown of the card of a weights file; `scores` are tables of an evaluation, also in Markdown."""
    model = load_model(weights)
    facts = model.metadata
    data, run, recipe = facts["data"], facts["run"], facts["recipe"]
    parameters = sum(tensor.numel() for name, tensor in model.tensors.items() if "running" not in name)
    lists = source_lists(
        {
            "Kits": data["kit_sources"],
            "Performances": data["groove_sources"],
            "Music under the drums, with its own drums taken out": data["beds"],
            "Rooms": data["rooms"],
        }
    )
    valid = "\n".join(f"| {name} | {value:.3f} |" for name, value in facts["valid"].items())
    return f"""# Drum transcriber

{USE}

| | |
| --- | --- |
| file | `{weights.name}`, {weights.stat().st_size / 1e6:.2f} MB, safetensors float32 |
| sha256 | `{model.sha256}` |
| parameters | {parameters:,} |
| input | mono at {recipe["front_end"]["sample_rate_hz"]} Hz, log-mel of {recipe["front_end"]["n_mels"]} bands, \
{recipe["front_end"]["sample_rate_hz"] / recipe["front_end"]["hop_samples"]:g} frames/s |
| trained | {run["steps"]} steps of {recipe["fit"]["batch_size"]} clips of {recipe["scene"]["clip_s"]:g} s; best at \
step {run["best_step"]} (valid F {_number(run["best_score"])}) |
| data | {data["grooves"]} performances ({data["groove_hours"]:g} h) on {data["hits"]} recorded hits and \
{data["synthesised_kits"]} synthesised kits |
| software | torch {facts["versions"]["torch"]}, tonewheel {facts["versions"]["tonewheel"]} |

On held-out performances, kits, rooms and music (F; thresholds were fitted on these):

| | F |
| --- | --- |
{valid}
{ending(scores, lists)}

The synthesised kits, songs and {data["synthesised_rooms"]} rooms are ours, CC0.
"""


def source_lists(sections: Mapping[str, Sequence[str]]) -> str:
    """Markdown lists of what was learned from, those that are not empty."""
    return "\n\n".join(
        f"{title}:\n\n" + "\n".join(f"- {line}" for line in lines)
        for title, lines in sections.items()
        if lines
    )


def ending(scores: str, lists: str) -> str:
    """The end of a card: scores if there are any, then sources."""
    told = f"\n## Scores\n\n{scores}\n" if scores else ""
    return f"""{told}
## Sources

Each under its own licence; no GPL-alone, non-commercial or unstated licence is among them. MuldjordKit: drum
samples provided by DrumGizmo.org. Salamander: Alexander Holm.

{lists}"""


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"
