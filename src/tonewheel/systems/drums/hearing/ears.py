"""From audio to drum hits with trained weights: log-mel, frames, hits. Each step works alone, and as a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tonewheel.core.errors import InputError
from tonewheel.learn.checkpoint import load_model, save_model
from tonewheel.learn.int8 import narrowed
from tonewheel.learn.spectra import LogMel
from tonewheel.learn.weights import load_trained
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.systems.drums.hearing.decode import AROUND_FRAMES, Curves, DecodeRule, Picker, decode, join
from tonewheel.systems.drums.model import Frames, State, Transcriber
from tonewheel.systems.drums.recipe import DrumsRecipe

Audio = NDArray[np.float32]
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights" / "drums.safetensors"
KIND = "drum transcriber"
BLOCK_S = 20.0
"""A file is heard in blocks of this length, so memory does not grow with it."""


class Ears:
    """A trained transcriber with its front end and decision rule.

    >>> ears = Ears(Transcriber(DrumsRecipe().network, 80), DrumsRecipe(), "untrained")
    >>> ears.curves(np.zeros(44_100, np.float32)).onset.shape
    (6, 101)
    """

    def __init__(
        self, model: Transcriber, recipe: DrumsRecipe, fingerprint: str, rule: DecodeRule | None = None
    ) -> None:
        self.model = model.eval()
        self.recipe = recipe
        self.fingerprint = fingerprint
        self.rule = rule or DecodeRule(frame_rate_hz=recipe.front_end.frame_rate_hz)
        self.path: Path | None = None
        self.spec = recipe.front_end.spec()
        self.log_mel = LogMel(self.spec, precise=False)

    @classmethod
    def load(cls, weights: str | Path) -> Ears:
        """Read weights written by training; InputError when the file is not one of those."""
        model, recipe, saved = load_trained(weights, KIND, DrumsRecipe, build)
        rule = DecodeRule.from_dict(saved.metadata["decision"], where=weights)
        ears = cls(model, recipe, saved.sha256, rule)
        ears.path = Path(weights)
        return ears

    def write_int8(self, out: str | Path) -> Ears:
        """Write the weights that these were loaded from in a quarter of their size; and hear with those."""
        if self.path is None:
            raise ValueError("only weights from a file can be written smaller")
        saved = load_model(self.path, kind=KIND)
        save_model(out, narrowed(saved.tensors), {**saved.metadata, "made_from": saved.sha256})
        return Ears.load(out)

    @classmethod
    def shipped(cls) -> Ears:
        """The weights that come with Tonewheel, read once."""
        return _shipped()

    def curves(self, audio: Audio) -> Curves:
        """Probabilities a frame of mono audio at the front end's rate; frame f lies at f / frame rate."""
        block = round(BLOCK_S * self.spec.sample_rate_hz)
        stream = Stream(self)
        parts = [stream.push(audio[start : start + block]) for start in range(0, len(audio), block)]
        return join([*parts, stream.finish()])

    def transcribe(self, audio: Audio) -> list[DrumHit]:
        """Hits of mono audio at the front end's rate, in order of time."""
        return decode(self.curves(audio), self.rule)

    def listen(self, blocks: Iterable[Audio]) -> Iterator[DrumHit]:
        """Hits of a stream of blocks of any length, each as soon as it is sure; the same as of the whole.

        A hit is told after `delay_s`.
        """
        stream, picker = Stream(self), Picker(self.rule)
        for block in blocks:
            yield from picker.push(stream.push(block))
        yield from picker.push(stream.finish(), last=True)

    @property
    def delay_s(self) -> float:
        """From a hit in the stream to its report: half a window, the look-ahead, and the peak's neighbours."""
        window_s = self.spec.n_fft / 2 / self.spec.sample_rate_hz
        return window_s + (self.model.look_ahead_frames + AROUND_FRAMES + 1) / self.rule.frame_rate_hz


class Stream:
    """Audio blocks in, curves out; the curves of all blocks together are those of the whole."""

    def __init__(self, ears: Ears) -> None:
        self.ears = ears
        self.state: State = ears.model.begin()
        # Frame 0 is centred on sample 0: before it there was silence.
        self.rest: Audio = np.zeros(ears.spec.n_fft // 2, np.float32)

    @torch.inference_mode()
    def push(self, audio: Audio) -> Curves:
        """The next block, mono, of any length."""
        spec = self.ears.spec
        known = np.concatenate([self.rest, np.asarray(audio, np.float32)])
        frames = spec.frames(len(known))
        self.rest = known[frames * spec.hop_samples :]
        if not frames:
            return _probabilities(self.ears.model.step(torch.zeros(1, spec.n_mels, 0), self.state)[0])
        out, self.state = self.ears.model.step(self._log_mel(known), self.state)
        return _probabilities(out)

    @torch.inference_mode()
    def finish(self) -> Curves:
        """What was still waiting, when nothing follows."""
        last = self.push(np.zeros(self.ears.spec.n_fft // 2, np.float32))
        return join([last, _probabilities(self.ears.model.finish(self.state))])

    def _log_mel(self, audio: Audio) -> Tensor:
        out: Tensor = self.ears.log_mel(torch.from_numpy(audio))
        return out.unsqueeze(0)


def build(recipe: DrumsRecipe) -> Transcriber:
    """The network of a recipe, untrained."""
    return Transcriber(recipe.network, recipe.front_end.n_mels, recipe.front_end.frame_rate_hz)


def _probabilities(frames: Frames) -> Curves:
    return Curves(*(torch.sigmoid(part[0]).numpy() for part in frames))


@lru_cache(maxsize=1)
def _shipped() -> Ears:
    if not SHIPPED_WEIGHTS.is_file():
        raise InputError(SHIPPED_WEIGHTS, "is missing; train weights with `tonewheel drums train`")
    return Ears.load(SHIPPED_WEIGHTS)
