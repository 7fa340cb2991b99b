"""The card that goes with weights: what they are, what they learned from, how good they are, where they end."""

from __future__ import annotations

from pathlib import Path

from tonewheel.learn.checkpoint import load_model

USE = """Tells which song of a closed list (a show of 20 to 50 songs) is playing, from a phone or desk microphone in a
hall: the same recording as the reference, or a show that plays it. It does not recognise another performance of a
song (other tempo, key or band; the version encoder does), and does not say what song of the world it is."""


def card(weights: Path, scores: str = "") -> str:
    """Markdown of the card of a weights file; `scores` are tables of an evaluation, also in Markdown."""
    model = load_model(weights)
    facts = model.metadata
    data, run, recipe = facts["data"], facts["run"], facts["recipe"]
    parameters = sum(tensor.numel() for name, tensor in model.tensors.items() if "running" not in name)
    listed = "\n".join(f"- {source}" for source in data["sources"])
    heard = "\n".join(f"- {source}" for source in data["ambience"])
    return f"""# Concert encoder

{USE}

| | |
| --- | --- |
| file | `{weights.name}`, {weights.stat().st_size / 1e6:.2f} MB, safetensors float32 |
| sha256 | `{model.sha256}` |
| parameters | {parameters:,} |
| input | mono at {recipe["front_end"]["sample_rate_hz"]} Hz, log-mel of {recipe["front_end"]["n_mels"]} bands from \
{recipe["front_end"]["f_min_hz"]:g} to {recipe["front_end"]["f_max_hz"]:g} Hz |
| output | {recipe["views"]["parts"] * recipe["encoder"]["embedding_size"]} numbers of unit length for \
{recipe["views"]["window_s"]:g} s, every {recipe["views"]["hop_s"]:g} s |
| trained | {run["steps"]} steps of {recipe["fit"]["batch_size"]} pairs; best at step {run["best_step"]} \
(valid top-1 {_percent(run["best_score"])}){_start(run.get("initial"))} |
| loss | {recipe["loss"]["name"]}, temperature {recipe["loss"]["temperature"]:g} |
| data | {data["tracks"]} tracks and {data["synthesised"]} synthesised songs, {data["hours"]:g} h |
| software | torch {facts["versions"]["torch"]}, tonewheel {facts["versions"]["tonewheel"]} |

The recipe and the decision rule are in the header of the file.
{f"{chr(10)}## Scores{chr(10)}{chr(10)}{scores}{chr(10)}" if scores else ""}
## Sources

Music, each under its own licence; no GPL-alone, non-commercial or unstated licence is among them:

{listed}

Rooms, crowds and microphones (the synthesised ones are ours, CC0):

{heard}
"""


def _start(initial: str | None) -> str:
    return "" if initial is None else f", from the weights `{initial[:12]}` of an earlier run"


def _percent(value: float | None) -> str:
    return "not measured" if value is None else f"{100 * value:.1f} %"
