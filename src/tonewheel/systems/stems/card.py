"""The card that goes with the separator's weights: what they are, what they learned from, where they end."""

from __future__ import annotations

from pathlib import Path

from tonewheel.learn.checkpoint import load_model

USE = """Take a stereo or mono mix apart into vocals, drums, bass, harmonic, perc and sub, which sum to the mix. Shares
are real numbers from 0 to 1, one for each row of frequencies and 23 ms; phases are those of the mix. `bass` and `sub`
are one instrument, parted by a fixed crossover around 60 Hz."""

LIMITS = """- It learned from music that was made for it: sampled instruments, recorded hits under human grooves, speech
  that was made to sing. Real voices, screamed or whispered ones above all, and instruments that sound like voices
  (a lead guitar with vibrato, a saxophone) are where it errs most.
- A share cannot undo phase: where two stems fill the same row at the same time, some of each stays in the other.
- `perc` is quiet and like a hi-hat; what is left of it is often in `drums`."""


def card(weights: Path, scores: str = "") -> str:
    """Markdown of the card of a weights file; `scores` are tables of an evaluation, also in Markdown."""
    model = load_model(weights)
    facts = model.metadata
    data, run, recipe = facts["data"], facts["run"], facts["recipe"]
    parameters = sum(tensor.numel() for name, tensor in model.tensors.items() if "running" not in name)
    hours = ", ".join(f"{stem} {hours:g} h" for stem, hours in data["stem_hours"].items())
    found = ", ".join(
        f"{name.removeprefix('valid/sdr_')} {value:.1f}"
        for name, value in run["scores"].items()
        if name.startswith("valid/sdr_")
    )
    listed = "\n".join(f"- {source}" for source in credited(data["sources"]))
    start = f", from the weights `{run['initial'][:12]}` of an earlier run" if run.get("initial") else ""
    if run.get("beside"):
        start += f"; then the mean with the weights `{run['beside'][:12]}`"
    return f"""# Separator

{USE}

| | |
| --- | --- |
| file | `{weights.name}`, {weights.stat().st_size / 1e6:.2f} MB, safetensors, kernels a byte each |
| sha256 | `{model.sha256}` |
| numbers | {parameters:,} |
| input | mid and side of stereo at 44.1 kHz, frames of 4096 every 1024 samples |
| trained | {run["steps"]} steps of {recipe["fit"]["batch_size"]} mixes of {recipe["mix"]["clip_s"]:g} s, best at step \
{run["best_step"]}{start} |
| on validation songs at the last step | SDR in dB: {found or "not measured"} |
| data | {data["songs"]} songs, {data["hours"]:g} h, remixed at random: {hours} |
| software | torch {facts["versions"]["torch"]}, tonewheel {facts["versions"]["tonewheel"]} |

The recipe is in the header of the file.

## Limits

{LIMITS}
{f"{chr(10)}## Scores{chr(10)}{chr(10)}{scores}{chr(10)}" if scores else ""}
## Sources

Each under its own licence; none is non-commercial, GPL alone or unstated. What is synthesised is ours, CC0.

{listed}
"""


KNOWN = {
    "soundfont FluidR3_GM": "soundfont FluidR3_GM, Frank Wen (MIT)",
    "soundfont MuseScore_General": "soundfont MuseScore_General, S. Christian Collins, after FluidR3 (MIT)",
    "voice en_US_f_Allison": "voice of Allison Smith, Asterisk core sounds (CC BY-SA 3.0)",
    "voice es_MX_f_Allison": "voice of Allison Smith, Asterisk core sounds in Spanish (CC BY-SA 3.0)",
    "voice fr_CA_f_June": "voice of June Wallack, Asterisk core sounds in French (CC BY-SA 3.0)",
    "voice it_IT_m_Carlo": "Asterisk core sounds in Italian, Carlo (CC BY-SA 3.0)",
    "voice flite_": "voices awb, slt and kal of Flite, Carnegie Mellon University (BSD-like)",
    "multitrack muldjord": "guitar tracks of four songs by Muldjord, El Senator (CC BY-SA 3.0)",
    "multitrack sectoid": "guitar tracks of four songs by Sectoid, Carlos Viola Iborra (MIT)",
    "multitrack loop_": "loops of Sonic Pi (CC0)",
    "groove ": "Groove MIDI Dataset, Google LLC (CC BY 4.0)",
    "music/midi/freedoom": "MIDI files of Freedoom (BSD 3-clause)",
}
"""How sources of the shipped weights begin -> credit."""


def credited(sources: list[str]) -> list[str]:
    """Sources as credits, each once.

    >>> credited(["groove a.mid", "groove b.mid", "kit muldjord: CC BY 4.0"])
    ['Groove MIDI Dataset, Google LLC (CC BY 4.0)', 'drum kit muldjord: CC BY 4.0']
    """
    found = set()
    for source in sources:
        known = next((credit for start, credit in KNOWN.items() if source.startswith(start)), None)
        found.add(known or ("drum " + source if source.startswith("kit ") else source))
    return sorted(found)
