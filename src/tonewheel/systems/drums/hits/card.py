"""The card that goes with weights: what they are, what they learned from, how good they are, where they end."""

from __future__ import annotations

from pathlib import Path

from tonewheel.learn.checkpoint import load_model
from tonewheel.systems.drums.card import ending, source_lists

USE = """Tells what one drum hit is, from half a second around its onset: which of twelve labels, how hard, how open
the hat was, and whether it is a drum at all. It hears one hit, not a bar: of drums struck together it names the
loudest. Toms are told by pitch, best beside the others of their kit."""


def card(weights: Path, scores: str = "") -> str:
    """Markdown of the card of a weights file; `scores` are tables of an evaluation, also in Markdown."""
    model = load_model(weights)
    facts = model.metadata
    data, run, recipe = facts["data"], facts["run"], facts["recipe"]
    front = recipe["front_end"]
    parameters = sum(tensor.numel() for name, tensor in model.tensors.items() if not _is_statistic(name))
    seconds = (front["n_fft"] + (front["frames"] - 1) * front["hop_samples"]) / front["sample_rate_hz"]
    lists = source_lists(
        {
            "Kits": data["kit_sources"],
            "Music under the hits, with its own drums taken out": data["beds"],
            "Rooms": data["rooms"],
        }
    )
    score = "not measured" if run["best_score"] is None else f"{run['best_score']:.3f}"
    best = f"best at step {run['best_step']} (macro F {score} on varied hits of kits held out for validation)"
    if "valid" in recipe["examples"]["splits"]:
        best = "the kits of validation trained too, with the settings that had done best without them"
    more = f" and {data['dataset_hits']} of a dataset" if data["dataset_hits"] else ""
    return f"""# Drum hit classifier

{USE}

| | |
| --- | --- |
| file | `{weights.name}`, {weights.stat().st_size / 1e6:.2f} MB, safetensors float32 |
| sha256 | `{model.sha256}` |
| parameters | {parameters:,} |
| input | mono at {front["sample_rate_hz"]} Hz, {seconds:.2f} s from {front["lead_s"]:g} s before the onset, log-mel \
{front["n_mels"]} x {front["frames"]} |
| labels | {", ".join(facts["labels"])} |
| trained | {run["steps"]} steps of {recipe["fit"]["batch_size"]} clips; {best} |
| data | {data["hits"]} recorded hits{more}, {data["synthesised_kits"]} synthesised kits |
| software | torch {facts["versions"]["torch"]}, tonewheel {facts["versions"]["tonewheel"]} |
{ending(scores, lists)}
"""


def _is_statistic(name: str) -> bool:
    return "running" in name or "num_batches" in name
