"""The card that goes with the encoder's weights: what they are, what they learned from, where they end."""

from __future__ import annotations

from pathlib import Path

from tonewheel.learn.checkpoint import load_model

USE = """Places a track beside tracks that sound like it, and knows a track again in another pitch, tempo, codec or
excerpt. It says nothing of lyrics or meaning, and does not know another band's performance of the same song."""


def card(weights: Path, scores: str = "") -> str:
    """Markdown of the card of a weights file; `scores` are tables of an evaluation, also in Markdown."""
    model = load_model(weights)
    facts = model.metadata
    data, run, recipe = facts["data"], facts["run"], facts["recipe"]
    parameters = sum(tensor.numel() for name, tensor in model.tensors.items() if "running" not in name)
    best = "not measured" if run["best_score"] is None else f"{run['best_score']:.3f}"
    begun = f", from the weights `{run['initial'][:12]}` of an earlier run" if run.get("initial") else ""
    front, shape = recipe["front_end"], recipe["encoder"]
    listed = "\n".join(f"- {source}" for source in data["sources"])
    return f"""# Encoder of similar tracks

{USE}

| | |
| --- | --- |
| file | `{weights.name}`, {weights.stat().st_size / 1e6:.2f} MB, safetensors float32 |
| sha256 | `{model.sha256}` |
| parameters | {parameters:,} |
| input | mono at {front["sample_rate_hz"]} Hz, log-mel of {front["n_mels"]} bands from {front["f_min_hz"]:g} to \
{front["f_max_hz"]:g} Hz, windows of {recipe["views"]["window_s"]:g} s every {recipe["views"]["hop_s"]:g} s |
| output | {shape["identity_size"]} numbers for identity and {shape["style_size"]} for style, of unit length \
together; style has {shape["style_share"]:.0%} of the cosine |
| trained | {run["steps"]} steps of {recipe["fit"]["batch_size"]} tracks; best at step {run["best_step"]} \
(mean of recall@1 and style MAP@R on the valid split: {best}){begun} |
| data | {data["tracks"]} tracks and {data["synthesised"]} synthesised songs, {data["hours"]:g} h |
| software | torch {facts["versions"]["torch"]}, tonewheel {facts["versions"]["tonewheel"]} |

The recipe is in the header of the file.
{f"{chr(10)}## Scores{chr(10)}{chr(10)}{scores}{chr(10)}" if scores else ""}
## Sources

Music, each under its own licence; no GPL-alone, non-commercial or unstated licence is among them:

{listed}

The synthesised songs are ours, CC0.
"""
