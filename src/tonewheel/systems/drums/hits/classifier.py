"""From audio to what a hit is, with trained weights: find the onset, cut the clip, log-mel, answers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.core.errors import InputError
from tonewheel.learn.spectra import LogMel
from tonewheel.learn.weights import load_trained, of_this_version
from tonewheel.metrics.calibration import Logistic
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits.answers import FileAnswer, HitAnswer
from tonewheel.systems.drums.hits.model import HitNet, energy
from tonewheel.systems.drums.hits.recipe import HitsRecipe
from tonewheel.systems.drums.hits.toms import by_pitch, pitch_hz

Audio = NDArray[np.float32]
SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights" / "hits.safetensors"
KIND = "drum hit classifier"
MODEL_PATH = "BEATSIGHT_ML_MODEL_PATH"
USE_MODEL = "BEATSIGHT_USE_ML_CLASSIFIER"
"""What the users of the old processor have in their environment."""
AT_ONCE = 64
ONSET_DB = -26.0
"""A hit begins where it first comes this near to its peak, within `RISE_S` before that."""
RISE_S = 0.05
LONGEST_S = 30.0


class HitClassifier:
    """A trained classifier with its front end and calibration.

    >>> classifier = HitClassifier(HitNet(HitsRecipe().network, 128), HitsRecipe())
    >>> answer = classifier.classify(np.random.default_rng(0).normal(size=44_100).astype(np.float32))
    >>> len(answer.scores), round(sum(answer.scores.values()), 3)
    (12, 1.0)
    """

    def __init__(
        self, net: HitNet, recipe: HitsRecipe, known: Logistic | None = None, least_known: float = 0.5
    ) -> None:
        self.net = net.eval()
        self.recipe = recipe
        self.known = known or Logistic(weights=(1.0, 0.0), bias=0.0)
        self.least_known = least_known
        """95 % of the drums of validation are surer than this to be drums."""
        self.sample_rate_hz = recipe.front_end.sample_rate_hz
        self.fingerprint = "untrained"
        self.log_mel = LogMel(recipe.front_end.spec(), precise=False)

    @classmethod
    def load(cls, weights: str | Path) -> HitClassifier:
        """Read weights written by training; InputError when the file is not one of those."""
        if Path(weights).suffix in (".pth", ".pt", ".ckpt"):
            raise InputError(
                weights, "is a pickle, which may run code; give .safetensors that Tonewheel wrote"
            )
        net, recipe, saved = load_trained(
            weights, KIND, HitsRecipe, lambda recipe: HitNet(recipe.network, recipe.front_end.n_mels)
        )
        with of_this_version(weights):
            if tuple(saved.metadata["labels"]) != LABELS:
                raise KeyError("labels")
            limit = float(saved.metadata["least_known"])
        found = cls(net, recipe, Logistic.from_dict(saved.metadata["known"], where=weights), limit)
        found.fingerprint = saved.sha256
        return found

    @classmethod
    def shipped(cls) -> HitClassifier:
        """The weights that come with Tonewheel, read once."""
        return _shipped()

    def classify(
        self, audio: Audio, onset_s: float | None = None, level_db: float | None = None
    ) -> HitAnswer:
        """What the only hit in mono audio at the front end's rate is; its onset is looked for when it is not told.

        `level_db` is its peak against the loudest hit of its drum, which only the velocity depends on. Nothing
        else sounds, so toms are told by their pitch too.
        """
        onset_s = find_onset(audio, self.sample_rate_hz) if onset_s is None else onset_s
        answer = self.at(audio, [onset_s], [np.nan if level_db is None else level_db])[0]
        return by_pitch(answer, pitch_hz(audio, onset_s, self.sample_rate_hz))

    def at(
        self, audio: Audio, onsets_s: Iterable[float], levels_db: Iterable[float] | None = None
    ) -> list[HitAnswer]:
        """What was struck at each onset of a recording, mono at the front end's rate."""
        front = self.recipe.front_end
        starts = [round(onset_s * front.sample_rate_hz) - front.lead_samples for onset_s in onsets_s]
        levels = [np.nan] * len(starts) if levels_db is None else list(levels_db)
        answers: list[HitAnswer] = []
        for first in range(0, len(starts), AT_ONCE):
            clips = np.stack([_cut(audio, start, front.samples) for start in starts[first : first + AT_ONCE]])
            answers += self.answers(clips, np.asarray(levels[first : first + AT_ONCE], np.float32))
        return answers

    @torch.inference_mode()
    def answers(self, clips: Audio, levels_db: Audio | None = None) -> list[HitAnswer]:
        """Answers to clips cut around their onsets. Shape: (n, recipe.front_end.samples)."""
        out = self.net(
            self.log_mel(torch.from_numpy(np.ascontiguousarray(clips, np.float32))),
            None if levels_db is None else torch.from_numpy(levels_db),
        )
        scores = torch.softmax(out.label, dim=1).numpy().astype(np.float64)
        features = torch.stack([out.known, energy(out.label)], dim=1).numpy()
        known = self.known.predict(features)
        velocity, openness = torch.sigmoid(out.velocity).tolist(), torch.sigmoid(out.openness).tolist()
        answers = []
        for number, row in enumerate(scores):
            label = LABELS[int(row.argmax())]
            answers.append(
                HitAnswer(
                    label=label,
                    scores={name: round(float(score), 6) for name, score in zip(LABELS, row, strict=True)},
                    velocity=round(velocity[number], 4),
                    openness=round(openness[number], 4) if label.startswith("hihat") else None,
                    unknown=round(1 - float(known[number]), 6),
                    pitch_hz=None,
                )
            )
        return answers

    def file(self, path: str | Path) -> FileAnswer:
        """What the hit in a file is: its loudest, where it begins; InputError when there is none to hear."""
        audio, level_db = load_hit(path, self.sample_rate_hz)
        answer = self.classify(audio, level_db=level_db)
        return FileAnswer(path=str(path), **answer.to_dict())


def load_hit(path: str | Path, sample_rate_hz: int) -> tuple[Audio, float]:
    """The beginning of a file, mono, and its peak in dB under full scale; InputError when it is silent."""
    audio, _ = load(path, sample_rate_hz=sample_rate_hz, duration_s=LONGEST_S)
    peak = float(np.abs(audio).max(initial=0.0))
    if peak < 1e-5:
        raise InputError(path, "is silent" if len(audio) else "holds no audio")
    return audio, 20 * float(np.log10(peak))


def find_onset(audio: Audio, sample_rate_hz: int) -> float:
    """Where the loudest hit begins, s: where it rises to within 26 dB of its peak, at most 50 ms before that.

    >>> hit = np.zeros(1000, np.float32)
    >>> hit[300:] = np.exp(-np.arange(700) / 200)
    >>> find_onset(hit, 1000)
    0.3
    """
    loud = np.abs(audio)
    if not len(loud):
        return 0.0
    peak = int(loud.argmax())
    first = max(0, peak - round(RISE_S * sample_rate_hz))
    near = loud[first : peak + 1] >= loud[peak] * 10 ** (ONSET_DB / 20)
    return float(first + int(near.argmax())) / sample_rate_hz


def from_environment() -> HitClassifier | None:
    """The classifier that the environment asks for, or the shipped one; None when it says to do without.

    `BEATSIGHT_USE_ML_CLASSIFIER=0` (or false, no, off) does without, `BEATSIGHT_ML_MODEL_PATH` names weights.
    The transcriber asks here for what refines its hits.
    """
    if os.environ.get(USE_MODEL, "").strip().lower() in ("0", "false", "no", "off"):
        return None
    path = os.environ.get(MODEL_PATH, "").strip()
    return HitClassifier.load(path) if path else HitClassifier.shipped()


def _cut(audio: Audio, start: int, samples: int) -> Audio:
    """Samples [start, start + samples); what lies outside the audio is silence."""
    out = np.zeros(samples, np.float32)
    piece = audio[max(0, start) : max(0, start + samples)]
    out[max(0, -start) : max(0, -start) + len(piece)] = piece
    return out


@lru_cache(maxsize=1)
def _shipped() -> HitClassifier:
    if not SHIPPED_WEIGHTS.is_file():
        raise InputError(
            SHIPPED_WEIGHTS, "is missing; train weights with `tonewheel drums train PREPARED --model hits`"
        )
    return HitClassifier.load(SHIPPED_WEIGHTS)
