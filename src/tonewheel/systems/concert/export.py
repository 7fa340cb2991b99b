"""What `concert export` writes: the encoder with its front end; a second of sound in, embedding and music score out.

A listener needs no more: windows are parts side by side (`embed.Embedder.join`), and all numbers for that, and for
the decision, are in the file's card. `examples/stream_concert.py` listens so, without torch and without Tonewheel.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tonewheel.core.seeds import generator
from tonewheel.degrade.presets import hall
from tonewheel.export.network import INSIDE, Answers, Example, Network, Outputs, Port, Sound
from tonewheel.learn.spectra import LogMel
from tonewheel.systems.concert.embed import KIND, SILENT, SILENT_ODDS, Embedded, Embedder

DAMAGE_DB = (0.0, 5.0, 10.0)
"""Crowd under the music, in turn, of the queries by which answers are compared."""


class Hearing(nn.Module):
    """Parts of mono sound to unit embeddings and log-odds of music; silence as `Embedder.embed_parts` has it.

    Shape: (parts, samples) -> (parts, size), (parts,).
    """

    def __init__(self, embedder: Embedder) -> None:
        super().__init__()
        self.log_mel = LogMel(embedder.spec, precise=False)
        self.encoder = embedder.encoder

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        mel = self.log_mel(audio)
        rows, odds = self.encoder.embed_and_judge(mel)
        silent = mel.amax(dim=(1, 2)) < SILENT
        return torch.where(silent[:, None], 0.0, rows), torch.where(silent, SILENT_ODDS, odds)


def encoder(weights: Path | None = None) -> Network:
    """The encoder of live identification."""
    embedder = Embedder.shipped() if weights is None else Embedder.load(weights)
    views, rate = embedder.recipe.views, embedder.spec.sample_rate_hz
    part, hop = round(views.part_s * rate), round(views.hop_s * rate)

    def examples(sounds: Sequence[Sound]) -> list[Example]:
        """Of every sound the parts as recorded, then as a phone in a hall hears them."""
        found: list[Example] = []
        for number, sound in enumerate(sounds):
            clean = sound.mean(axis=0)
            chain = hall(generator(number, "export"), snr_db=DAMAGE_DB[number % len(DAMAGE_DB)])
            found += [{"audio": parts(one)} for one in (clean, chain.apply(clean, rate))]
        return found

    def parts(audio: Sound) -> Tensor:
        cut = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float32), part)[::hop]
        return torch.from_numpy(np.ascontiguousarray(cut))

    def windows(outputs: Outputs) -> Sound:
        return embedder.join(Embedded(outputs["embedding"], outputs["music"])).embeddings

    def answers(ours: Sequence[Outputs], theirs: Sequence[Outputs]) -> Answers:
        """Which song has the nearest window: references are torch's, as a pack's are."""
        references = [windows(one) for one in ours[::2]]
        song = np.repeat(np.arange(len(references)), [len(rows) for rows in references])
        table = np.concatenate(references).T
        truth = np.repeat(np.arange(len(references)), [len(windows(one)) for one in ours[1::2]])
        ours_say, theirs_say = (
            song[np.concatenate([(windows(one) @ table).argmax(axis=1) for one in side[1::2]])]
            for side in (ours, theirs)
        )
        return Answers.of("song of 2 s in a hall, crowd at 0, 5, 10 dB", ours_say, theirs_say, truth)

    return Network(
        kind=KIND,
        module=Hearing(embedder).eval(),
        sample_rate_hz=rate,
        front_end=INSIDE,
        inputs=(Port(name="audio", axes=("parts", "samples"), unit="full scale = 1, mono"),),
        outputs=(
            Port(name="embedding", axes=("parts", "size"), unit="unit length; zeros for silence"),
            Port(name="music", axes=("parts",), unit="log-odds that the part holds music"),
        ),
        example={"audio": torch.randn(2, part, generator=torch.Generator().manual_seed(0)) * 0.1},
        still={"audio": torch.zeros(1, part)},
        growing={"audio": {0: 1}},
        examples=examples,
        answers=answers,
        int8="static",
        limit=1e-3,
        weights_sha256=embedder.fingerprint,
        recipe=embedder.recipe.to_dict(),
        about={
            "part_samples": part,
            "hop_samples": hop,
            "parts_a_window": views.parts,
            "decision": embedder.rule.to_dict(),
        },
    )


NETWORKS = {"encoder": encoder}
