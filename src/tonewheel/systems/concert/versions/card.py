"""The card that goes with weights of the version branch."""

from __future__ import annotations

from pathlib import Path

USE = """Knows a song of a pack when it is played again: in another key, at another tempo, by other instruments. It
stands beside the fingerprint of the concert encoder and is asked only when that names no song. It does not say which
recording is heard, and knows nothing of drums, words or voices."""


def card(weights: Path, scores: str = "") -> str:
    """Markdown of the card of a weights file; `scores` are tables of an evaluation, also in Markdown."""
    from tonewheel.learn.checkpoint import load_model

    model = load_model(weights)
    facts = model.metadata
    data, recipe, fusion = facts["data"], facts["recipe"], facts["fusion"]
    listed = "\n".join(f"- {score}" for score in data["scores"])
    return f"""# Version encoder

{USE}

| | |
| --- | --- |
| file | `{weights.name}`, {weights.stat().st_size / 1e3:.0f} kB, safetensors float32 |
| sha256 | `{model.sha256}` |
| parameters | {sum(tensor.numel() for tensor in model.tensors.values()):,} |
| input | mono at {recipe["pitches"]["sample_rate_hz"]} Hz, whitened half semitones over \
{recipe["pitches"]["octaves"]} octaves |
| output | {12 * recipe["size"]} numbers of unit length every half second; a semitone turns them |
| trained | in closed form (linear discriminants on the circle of pitch classes), no steps |
| beside | concert encoder `{facts["beside"][:12]}`: evidence is {fusion["fingerprint"]:.1f} x fingerprint \
+ {fusion["version"]:.1f} x version |
| data | {data["renditions"]} renditions of {data["songs"]} songs, {data["composed"]} of them composed by us (CC0), \
{data["hours"]:g} h |
| software | torch {facts["versions"]["torch"]}, tonewheel {facts["versions"]["tonewheel"]} |

The recipe and the rule of both branches are in the header of the file.
{f"{chr(10)}## Scores{chr(10)}{chr(10)}{scores}{chr(10)}" if scores else ""}
## Sources

Scores, played with the Fluid (R3) General MIDI soundfont (Frank Wen, MIT); those of Freedoom are by its contributors,
under the BSD 3-clause licence. Rooms, crowds and microphones: those of the concert encoder.

{listed}
"""
