"""What `similar export` writes: the encoder with its front end, from windows of a track to its embedding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tonewheel.core.seeds import generator
from tonewheel.degrade.presets import phone_chain
from tonewheel.export.network import INSIDE, Answers, Example, Network, Outputs, Port, Sound
from tonewheel.learn.spectra import LogMel
from tonewheel.systems.similar.backbones.base import SILENT_PEAK, cut
from tonewheel.systems.similar.backbones.encoder import KIND, EncoderBackbone


class Track(nn.Module):
    """Windows of mono sound to frames and to the embedding of the track that they are of; silent ones do not count.

    Shape: (windows, samples) -> (windows, width), (size,).
    """

    def __init__(self, backbone: EncoderBackbone) -> None:
        super().__init__()
        self.log_mel = LogMel(backbone.spec, precise=False)
        self.encoder = backbone.encoder

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        quarters = audio.reshape(audio.shape[0], 4, -1).abs().amax(dim=2) < SILENT_PEAK
        heard = quarters.float().mean(dim=1) < 0.5
        frames = torch.where(~heard[:, None], 0.0, self.encoder(self.log_mel(audio).transpose(1, 2)))
        any_heard = heard.any().float()
        return frames, self.encoder.pool(frames[None], heard[None])[0] * any_heard


def encoder(weights: Path | None = None) -> Network:
    """The encoder of tracks."""
    backbone = EncoderBackbone.shipped() if weights is None else EncoderBackbone.load(weights)
    rate = backbone.sample_rate_hz
    window, hop = round(backbone.window_s * rate), round(backbone.hop_s * rate)

    def examples(sounds: Sequence[Sound]) -> list[Example]:
        """Of every sound its windows as they are, then as a phone hears them."""
        found: list[Example] = []
        for number, sound in enumerate(sounds):
            mono = sound.mean(axis=0).astype(np.float32)
            heard = phone_chain(generator(number, "export")).apply(mono, rate)
            found += [
                {"audio": torch.from_numpy(np.ascontiguousarray(cut(one, window, hop)))}
                for one in (mono, heard)
            ]
        return found

    def answers(ours: Sequence[Outputs], theirs: Sequence[Outputs]) -> Answers:
        """Which track is nearest to the changed one: the collection's vectors are torch's, as an index's are."""
        table = np.stack([one["embedding"] for one in ours[::2]]).T
        ours_say, theirs_say = (
            (np.stack([one["embedding"] for one in side[1::2]]) @ table).argmax(axis=1)
            for side in (ours, theirs)
        )
        return Answers.of("track, heard by a phone", ours_say, theirs_say, np.arange(len(ours_say)))

    return Network(
        kind=KIND,
        module=Track(backbone).eval(),
        sample_rate_hz=rate,
        front_end=INSIDE,
        inputs=(Port(name="audio", axes=("windows", "samples"), unit="full scale = 1, mono"),),
        outputs=(
            Port(name="frames", axes=("windows", "width"), unit="none; zeros for silence"),
            Port(name="embedding", axes=("size",), unit="unit length; zeros for silence"),
        ),
        example={"audio": torch.zeros(3, window).normal_(0, 0.1)},
        growing={"audio": {0: 1}},
        examples=examples,
        answers=answers,
        limit=2e-3,
        weights_sha256=backbone.fingerprint,
        recipe=backbone.recipe.to_dict(),
        about={"window_samples": window, "hop_samples": hop},
    )


NETWORKS = {"encoder": encoder}
