"""What is played in a clip: a piece of a groove, varied so that rare drums are not rare in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.stage.grooves import Groove, Hits

KICK, SNARE, CROSS, CLOSED, OPEN, PEDAL, CRASH, RIDE, HIGH, MID, LOW, AUX = range(len(LABELS))
TOMS = (HIGH, MID, LOW)


class Player:
    """Draws playing from the grooves of a split."""

    def __init__(self, grooves: Sequence[Groove], split: str, synthetic_share: float = 0.12) -> None:
        self.grooves = [groove for groove in grooves if groove.split == split]
        if not self.grooves:
            raise InputError("grooves", f"there are none in the {split} split")
        # Long performances have more to draw from, but a fill of two seconds is all toms and crashes.
        weight = np.sqrt([min(groove.seconds, 100.0) for groove in self.grooves])
        made = np.array([groove.synthetic for groove in self.grooves])
        if made.any() and not made.all():
            weight[made] *= synthetic_share / weight[made].sum()
            weight[~made] *= (1 - synthetic_share) / weight[~made].sum()
        self.weight = weight / weight.sum()
        self._hits: dict[int, Hits] = {}

    def draw(self, rng: np.random.Generator, seconds: float) -> Hits:
        """Hits of a piece of some groove, [0, seconds); grooves that are too short are followed by others."""
        pieces: list[Hits] = []
        now_s = 0.0
        while now_s < seconds:
            number = int(rng.choice(len(self.grooves), p=self.weight))
            hits = self._hits.setdefault(number, self.grooves[number].hits())
            tempo = float(rng.uniform(0.85, 1.2))
            length_s = hits[-1, 0] / tempo + 0.25
            start_s = float(rng.uniform(0, max(length_s - seconds, 0.3))) if not pieces else 0.0
            piece = hits.copy()
            piece[:, 0] = piece[:, 0] / tempo - start_s + now_s
            pieces.append(piece[(piece[:, 0] >= now_s) & (piece[:, 0] < seconds)])
            now_s += length_s - start_s
        return np.concatenate(pieces)

    def vary(self, rng: np.random.Generator, hits: Hits) -> Hits:
        """The same rhythm on other drums, harder or softer; see the lines for what and how often."""
        hits = hits.copy()
        label, seconds = hits[:, 1], float(hits[-1, 0]) if len(hits) else 0.0
        if rng.random() < 0.2:  # the ride for the hat, and the hat for the ride
            hat, ride = np.isin(label, (CLOSED, OPEN)), label == RIDE
            label[hat], label[ride] = RIDE, CLOSED
        elif rng.random() < 0.12:  # an open, washy hat throughout
            label[label == CLOSED] = OPEN
        elif rng.random() < 0.06:  # the crash is ridden
            label[np.isin(label, (CLOSED, OPEN, RIDE))] = CRASH
        if rng.random() < 0.1:
            label[label == SNARE] = CROSS
        elif rng.random() < 0.12:
            label[label == SNARE] = rng.choice(TOMS)
        if rng.random() < 0.3 and seconds > 0:  # a fill that goes down the toms
            start_s, length_s = rng.uniform(0, seconds), rng.uniform(0.3, 2.0)
            inside = (hits[:, 0] >= start_s) & (hits[:, 0] < start_s + length_s)
            inside &= np.isin(label, (SNARE, CLOSED, OPEN, RIDE))
            place = (hits[inside, 0] - start_s) / length_s
            label[inside] = np.array(TOMS)[np.minimum((3 * place).astype(int), 2)]
            hits[inside, 2] = np.maximum(hits[inside, 2], rng.uniform(0.3, 0.9))
        if rng.random() < 0.12:
            label[np.isin(label, (CLOSED, PEDAL))] = AUX
        extra = [hits]
        if rng.random() < 0.3:  # a crash over some of the kicks
            kicks = hits[(label == KICK) & (rng.random(len(hits)) < rng.uniform(0.05, 0.35))].copy()
            kicks[:, 1], kicks[:, 2] = CRASH, rng.uniform(0.5, 1.0, len(kicks))
            kicks[:, 0] += rng.normal(0, 0.006, len(kicks))
            extra.append(kicks)
        if rng.random() < 0.1:  # a shaker or tambourine beside the hat
            beside = hits[np.isin(label, (CLOSED, OPEN, RIDE))].copy()
            beside[:, 0] += rng.normal(0, 0.01, len(beside))
            beside[:, 1], beside[:, 2] = AUX, beside[:, 2] * rng.uniform(0.5, 1.0)
            extra.append(beside)
        hits = np.concatenate(extra)
        if rng.random() < 0.15:  # the foot rests
            hits = hits[hits[:, 1] != PEDAL]
        if rng.random() < 0.35:  # a player, or a producer, who knows no soft hits
            hits[:, 2] = hits[:, 2] ** rng.uniform(0.2, 1.0)
        hits[:, 0] = np.maximum(hits[:, 0], 0.0)
        return hits[np.argsort(hits[:, 0], kind="stable")]

    def scatter(self, rng: np.random.Generator, seconds: float) -> Hits:
        """Hits of random drums at random times: nothing but the sound tells what they are."""
        count = int(rng.poisson(rng.uniform(2, 9) * seconds)) + 1
        onset_s = np.sort(rng.uniform(0, seconds, count))
        return np.stack([onset_s, rng.integers(0, len(LABELS), count), rng.uniform(0.15, 1, count)], axis=1)
