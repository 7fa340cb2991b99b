"""What `drums export` writes: the transcriber as a step of a stream, and the classifier of single hits.

Both hear sound. The transcriber's state goes in and out, so that any cut of a recording into blocks gives the frames of
the whole. A block has `n_fft + (frames - 1) * hop` samples, the last `n_fft - hop` of which come again in the next one;
before the first sample half a window of zeros. `begin` says how the state starts; at the end half a window of zeros
is heard, and then, in a block of its own, zeros for `look_ahead_frames` frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tonewheel.export.network import INSIDE, Answers, Example, Network, Outputs, Port, Sound
from tonewheel.systems.drums.families import FAMILIES, LABELS
from tonewheel.systems.drums.hearing.decode import Curves, family_times
from tonewheel.systems.drums.hearing.ears import KIND, Ears
from tonewheel.systems.drums.hits.classifier import KIND as HITS_KIND
from tonewheel.systems.drums.hits.classifier import HitClassifier, find_onset
from tonewheel.systems.drums.model import LOWEST_LEVEL, Transcriber

FULL_SCALE = "full scale = 1, mono"
HIT_S = 0.75
"""A sound is cut into pieces of this length, whose loudest hits are compared."""


class Step(nn.Module):
    """A block of sound and the state before it, to probabilities and the state after it.

    Shape: audio (1, samples), level (1,), tail (1, n_mels, t), hidden (1, 1, width) -> onset (1, 6, frames), label and
    velocity (1, 12, frames), and the state: level, tail of 2 * look_ahead frames, hidden.
    """

    def __init__(self, ears: Ears) -> None:
        super().__init__()
        self.log_mel, self.model = ears.log_mel, ears.model

    def forward(self, audio: Tensor, level: Tensor, tail: Tensor, hidden: Tensor) -> tuple[Tensor, ...]:
        levelled, level = normalise(self.model, self.log_mel(audio), level)
        known = torch.cat([tail, levelled], dim=2)
        frames, hidden = self.model._judge(known, hidden)
        onset, label, velocity = (torch.sigmoid(part) for part in frames)
        return onset, label, velocity, level, known[..., -2 * self.model.look_ahead_frames :], hidden


def normalise(model: Transcriber, log_mel: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
    """`Transcriber.normalise` without a running maximum, which ONNX and Core ML lack: the maximum of all before."""
    loudest = torch.cat([level[:, None], log_mel.amax(dim=1)], dim=1)
    at = torch.arange(loudest.shape[1])
    risen = model.release * at.to(loudest.dtype)
    never = loudest.new_full((), -1e9)
    before = torch.where(at[None, :] <= at[:, None], (loudest + risen)[:, None, :], never).amax(dim=2)
    falling = (before - risen).clamp_min(LOWEST_LEVEL)
    return ((log_mel - falling[:, None, 1:]) / model.range + 1).clamp_min(0), falling[:, -1]


def transcriber(weights: Path | None = None) -> Network:
    """What is struck when."""
    ears = Ears.shipped() if weights is None else Ears.load(weights)
    spec, model = ears.spec, ears.model
    wait = model.look_ahead_frames

    def block(audio: Sound) -> Example:
        start = model.begin()
        return {
            "audio": torch.from_numpy(audio.astype(np.float32))[None],
            "level": start.level,
            "tail": start.tail,
            "hidden": start.hidden,
        }

    def examples(sounds: Sequence[Sound]) -> list[Example]:
        found = []
        for sound in sounds:
            padded = np.pad(sound.mean(axis=0), spec.n_fft // 2)
            frames = spec.frames(len(padded))
            found.append(block(padded[: spec.n_fft + (frames - 1) * spec.hop_samples]))
        return found

    def answers(ours: Sequence[Outputs], theirs: Sequence[Outputs]) -> Answers:
        """Every hit of either, in frames of a hundredth of a second, is heard by one, the other or both."""
        says: tuple[list[int], list[int]] = ([], [])
        for pair in zip(ours, theirs, strict=True):
            hits = [
                {
                    (family, round(time_s * 50))
                    for family, times in enumerate(family_times(curves(one), ears.rule))
                    for time_s in times
                }
                for one in pair
            ]
            for hit in sorted(hits[0] | hits[1]):
                near = {(hit[0], hit[1] + shift) for shift in (-1, 0, 1)}
                for side, heard in zip(says, hits, strict=True):
                    side.append(int(bool(near & heard)))
        return Answers.of("a hit, within 40 ms", *says)

    def curves(one: Outputs) -> Curves:
        return Curves(one["onset"][0], one["label"][0], one["velocity"][0])

    frames = ("one", "kinds", "frames")
    state = (
        Port(name="level", axes=("one",), unit="natural log of mel power"),
        Port(name="tail", axes=("one", "bands", "frames"), unit="levelled, 0 to about 1"),
        Port(name="hidden", axes=("one", "one", "width"), unit="none"),
    )
    after = tuple(Port(name=f"{port.name}_after", axes=port.axes, unit=port.unit) for port in state)
    return Network(
        kind=KIND,
        module=Step(ears).eval(),
        sample_rate_hz=spec.sample_rate_hz,
        front_end=INSIDE,
        inputs=(Port(name="audio", axes=("one", "samples"), unit=FULL_SCALE), *state),
        outputs=(
            Port(name="onset", axes=frames, unit="probability"),
            Port(name="label", axes=frames, unit="probability"),
            Port(name="velocity", axes=frames, unit="0 to 1"),
            *after,
        ),
        example=block(np.zeros(spec.n_fft + 99 * spec.hop_samples, np.float32)),
        growing={"audio": {1: None}, "tail": {2: None}},
        examples=examples,
        answers=answers,
        limit=1e-3,
        weights_sha256=ears.fingerprint,
        recipe=ears.recipe.to_dict(),
        about={
            "families": list(FAMILIES),
            "labels": list(LABELS),
            "n_fft": spec.n_fft,
            "hop_samples": spec.hop_samples,
            "look_ahead_frames": wait,
            "begin": {
                "level": LOWEST_LEVEL,
                "tail": [1, spec.n_mels, wait],
                "hidden": [1, 1, model.memory.hidden_size],
            },
            "decision": ears.rule.to_dict(),
        },
    )


class Hit(nn.Module):
    """Clips around onsets to what was struck. Shape: (n, samples), (n,) -> (n, 12), then (n,) three times."""

    def __init__(self, classifier: HitClassifier) -> None:
        super().__init__()
        self.log_mel, self.net = classifier.log_mel, classifier.net

    def forward(self, audio: Tensor, level_db: Tensor) -> tuple[Tensor, ...]:
        out = self.net(self.log_mel(audio), level_db)
        return (
            torch.softmax(out.label, dim=1),
            torch.sigmoid(out.velocity),
            torch.sigmoid(out.openness),
            out.known,
        )


def hits(weights: Path | None = None) -> Network:
    """What a single hit is."""
    classifier = HitClassifier.shipped() if weights is None else HitClassifier.load(weights)
    front, rate = classifier.recipe.front_end, classifier.sample_rate_hz

    def clips(sound: Sound) -> Example:
        mono, piece = sound.mean(axis=0), round(HIT_S * rate)
        padded = np.pad(mono, (front.lead_samples, front.samples))
        starts = [
            first + round(find_onset(mono[first : first + piece], rate) * rate)
            for first in range(0, len(mono) - piece + 1, piece)
        ]
        cut = np.stack([padded[start : start + front.samples] for start in starts])
        return {"audio": torch.from_numpy(cut), "level_db": torch.full((len(cut),), torch.nan)}

    def answers(ours: Sequence[Outputs], theirs: Sequence[Outputs]) -> Answers:
        says = [np.concatenate([one["label"].argmax(axis=1) for one in side]) for side in (ours, theirs)]
        return Answers.of("label of a hit", *says)

    example = {"audio": torch.zeros(2, front.samples).normal_(0, 0.1), "level_db": torch.zeros(2)}
    return Network(
        kind=HITS_KIND,
        module=Hit(classifier).eval(),
        sample_rate_hz=rate,
        front_end=INSIDE,
        inputs=(
            Port(name="audio", axes=("hits", "samples"), unit=FULL_SCALE),
            Port(
                name="level_db", axes=("hits",), unit="dB against the loudest hit of its drum; NaN: not known"
            ),
        ),
        outputs=(
            Port(name="label", axes=("hits", "labels"), unit="probability"),
            Port(name="velocity", axes=("hits",), unit="0 to 1"),
            Port(name="openness", axes=("hits",), unit="0 to 1, of hi-hats"),
            Port(name="known", axes=("hits",), unit="log-odds before calibration that it is a drum"),
        ),
        example=example,
        growing={"audio": {0: 1}, "level_db": {0: 1}},
        examples=lambda sounds: [clips(sound) for sound in sounds],
        answers=answers,
        weights_sha256=classifier.fingerprint,
        recipe=classifier.recipe.to_dict(),
        about={"labels": list(LABELS), "lead_samples": front.lead_samples, "clip_samples": front.samples},
    )


NETWORKS = {"transcriber": transcriber, "hits": hits}
