"""The card that goes with both weights: what they are, what they learned from, how good they are, where they end."""

from __future__ import annotations

from pathlib import Path

from tonewheel.learn.checkpoint import load_model

USE = """Take clicks and crackle, and then hiss, out of digitised records, and leave the music. The detector says of
every sample how likely it was hit and how hard; such samples are estimated anew from their neighbours (least squares
over an autoregressive model), all others stay bit for bit. The denoiser gives a gain to every band of every frame. Both
learned from simulated damage; what is of another kind (distortion, wow, wrong equalisation, overloaded cuts) they leave
as it is."""

LIMITS = """- Clicks longer than some milliseconds (a crack through the groove, a skip) are more than interpolation can
  guess.
- Music that is itself impulsive and noisy (close castanets, ring modulators, chip music) is where detection is least
  sure; the scores tell how it fared.
- Hiss is taken as steady over a recording: where its level changes in the middle, some is left.
- It was judged on simulated damage over real music, and on real surface noise over music that never was on that disc;
  digitised records were not at hand."""


def card(clicks: Path, hiss: Path, scores: str = "") -> str:
    """Markdown of the card of both weights files; `scores` are tables of an evaluation, also in Markdown."""
    total = clicks.stat().st_size + hiss.stat().st_size
    parts = [_facts("Click detector", clicks), _facts("Denoiser", hiss)]
    return f"""# Restore: click detector and denoiser

{USE}

Together {total / 1e6:.2f} MB, safetensors float32.

{parts[0][0]}

{parts[1][0]}

## Limits

{LIMITS}
{f"{chr(10)}## Scores{chr(10)}{chr(10)}{scores}{chr(10)}" if scores else ""}
## Sources

Each under its own licence; no GPL-alone, non-commercial or unstated licence is among them. Synthesised songs,
castanets, brass, consonants, clicks and hiss are ours, CC0.

{parts[0][1]}

{parts[1][1]}
"""


def _facts(title: str, weights: Path) -> tuple[str, str]:
    """The table of one file, and the list of what it learned from."""
    model = load_model(weights)
    facts = model.metadata
    data, run = facts["data"], facts["run"]
    parameters = sum(tensor.numel() for name, tensor in model.tensors.items() if "running" not in name)
    score = "not measured" if run["best_score"] is None else f"{run['best_score']:.4f}"
    table = f"""## {title}

| | |
| --- | --- |
| file | `{weights.name}`, {weights.stat().st_size / 1e6:.2f} MB |
| sha256 | `{model.sha256}` |
| parameters | {parameters:,} |
| trained | {run["steps"]} steps, best at {run["best_step"]} (validation {score}) |
| data | {data["hours"]:g} h of clean sound, {data["synthesised"]} pieces of it synthesised |
| software | torch {facts["versions"]["torch"]}, tonewheel {facts["versions"]["tonewheel"]} |"""
    lists = [(name, lines) for name, lines in data.items() if isinstance(lines, list) and lines]
    listed = "\n\n".join(
        f"{title}, {name.replace('_', ' ')}:\n\n" + "\n".join(f"- {line}" for line in lines)
        for name, lines in lists
    )
    return table, listed
