"""The hit classifier looks again at what the transcriber found: which hat, tom or cymbal, and how open.

The transcriber says that there was a hat; at 10 ms a frame it is less good at which one. A classifier with
0.47 s around the hit decides among the labels of the same family where it is sure, and tells how open a hat
was. It neither adds hits nor drops any, nor makes a tom of a snare: of drums struck together it hears but one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.systems.drums.families import FAMILY_OF, LABELS, MEMBERS

if TYPE_CHECKING:
    from tonewheel.systems.drums.hits.answers import HitAnswer
    from tonewheel.systems.drums.hits.classifier import HitClassifier

Audio = NDArray[np.float32]

SURE = 0.95
"""Another label is taken when it has so much of the family's share of the scores; below this, labels get worse."""
HEARD = 0.3
"""And only where the family has so much of all scores: else another drum covers it."""
HATS = ("hihat_closed", "hihat_open", "hihat_pedal")


class Refiner:
    """Holds as much of the stream as a clip needs, and the hits whose clip is not complete yet."""

    def __init__(self, classifier: HitClassifier, sample_rate_hz: int) -> None:
        if classifier.sample_rate_hz != sample_rate_hz:
            raise ValueError(f"the classifier hears {classifier.sample_rate_hz} Hz, not {sample_rate_hz}")
        self.classifier = classifier
        self.rate = sample_rate_hz
        front = classifier.recipe.front_end
        self.lead, self.after = front.lead_samples, front.samples - front.lead_samples
        self.held: Audio = np.zeros(0, np.float32)
        self.first = 0
        """Number of the first sample of `held`."""
        self.waiting: list[DrumHit] = []

    def hear(self, block: Audio) -> None:
        """The next samples of the stream."""
        self.held = np.concatenate([self.held, block])

    def refine(self, hits: list[DrumHit], last: bool = False) -> list[DrumHit]:
        """Hits with more said about them; those whose sound has not been heard to its end wait."""
        self.waiting += hits
        heard = self.first + len(self.held)
        ready = [h for h in self.waiting if last or h.onset_s * self.rate + self.after + 1 <= heard]
        self.waiting = [] if last else [h for h in self.waiting if h not in ready]
        out = self._refined(ready)
        # Hits are told a little late, never by a second: so much stays beside what waits.
        oldest = min([heard - self.rate, *(round(h.onset_s * self.rate) for h in self.waiting)])
        spare = max(0, oldest - self.lead - 1 - self.first)
        self.held, self.first = self.held[spare:].copy(), self.first + spare
        return out

    def _refined(self, hits: list[DrumHit]) -> list[DrumHit]:
        open_to_doubt = [hit for hit in hits if len(_members(hit.label)) > 1]
        times = sorted({hit.onset_s for hit in open_to_doubt})
        if not times:
            return hits
        answers = self.classifier.at(self.held, [time_s - self.first / self.rate for time_s in times])
        by_time = dict(zip(times, answers, strict=True))
        together = {(hit.onset_s, hit.label) for hit in hits}
        return [_told(hit, by_time[hit.onset_s], together) if hit.onset_s in by_time else hit for hit in hits]


def _members(label: str) -> tuple[int, ...]:
    return MEMBERS[int(FAMILY_OF[LABELS.index(label)])]


def _told(hit: DrumHit, answer: HitAnswer, together: set[tuple[float, str]]) -> DrumHit:
    names = [LABELS[number] for number in _members(hit.label)]
    if len(names) < 2:
        return hit
    scores = [answer.scores[name] for name in names]
    share = sum(scores)
    best = int(np.argmax(scores))
    if share < HEARD:
        return hit
    if scores[best] >= SURE * share and (hit.onset_s, names[best]) not in together:
        hit = replace(hit, label=names[best])
    if hit.label in HATS and answer.label in HATS:
        hit = replace(hit, openness=answer.openness)
    return hit
