"""Ears that need no training: the rise of power in a low, a middle and a high band is kick, snare and hat."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tonewheel.systems.drums.families import FAMILIES, LABELS
from tonewheel.systems.drums.hearing.decode import DecodeRule
from tonewheel.systems.drums.hearing.ears import Ears
from tonewheel.systems.drums.model import Frames, State
from tonewheel.systems.drums.recipe import DrumsRecipe

LAG = 2
BANDS = {"kick": slice(0, 3), "snare": slice(6, 36), "hihat": slice(62, 78)}
LEAST_RISE = {"kick": 2.0, "snare": 4.0, "hihat": 1.4}


class Flux(nn.Module):
    """In the place of `model.Transcriber`: the same verbs, no weights."""

    look_ahead_frames = 0

    def begin(self, count: int = 1) -> State:
        return State(torch.zeros(count), torch.full((count, 80, LAG), -6.0), torch.zeros(1, count, 1))

    def step(self, log_mel: Tensor, state: State) -> tuple[Frames, State]:
        known = torch.cat([state.tail, log_mel.clamp_min(-6.0)], dim=2)
        rise = (known[..., LAG:] - known[..., :-LAG]).clamp_min(0)
        onset = rise.new_full((len(rise), len(FAMILIES), rise.shape[2]), -8.0)
        rises = {family: rise[:, band].mean(dim=1) for family, band in BANDS.items()}
        rises["kick"] = rises["kick"] - rises["snare"]  # a snare is heard in the low band as well
        for family, value in rises.items():
            onset[:, FAMILIES.index(family)] = 2 * (value - LEAST_RISE[family])
        label = onset.new_full((len(rise), len(LABELS), rise.shape[2]), -4.0)
        label[:, LABELS.index("hihat_closed")] = 2.0
        label[:, LABELS.index("snare")] = 2.0
        label[:, LABELS.index("kick")] = 2.0
        return Frames(onset, label, label * 0 + 1.0), State(state.level, known[..., -LAG:], state.hidden)

    def finish(self, state: State) -> Frames:
        return self.step(state.tail[..., :0], state)[0]


def flux_ears() -> Ears:
    """Ready to hear."""
    return Ears(Flux(), DrumsRecipe(), "flux", DecodeRule(thresholds=(0.5,) * 6))  # type: ignore[arg-type]
