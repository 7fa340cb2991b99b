"""Is it that song? Score and lead over the second song decide, by a probability fitted on the valid split."""

from __future__ import annotations

import math
from typing import Literal

from tonewheel.core.records import Record
from tonewheel.systems.concert.match import SongMatch

State = Literal["song", "no_song", "unknown_song"]


class DecisionRule(Record):
    """Logistic model of "the best song is right", and the limits above which it is believed.

    Features: mean cosine of the best diagonal, its lead over the second song, log2 of the number of windows.
    Fitted by `concert train` on queries of the valid split whose song is, or is not, in the catalogue.
    """

    bias: float = -14.0
    score: float = 16.0
    margin: float = 16.0
    log2_windows: float = 1.0
    least_probability: float = 0.5
    least_music: float = 0.0
    """Mean log-odds of the music head below which there is no song."""
    tie_margin: float = 0.01
    """A lead below this is a tie: both songs fit, none is said to be the one."""

    def probability(self, score: float, margin: float, windows: int) -> float:
        """Probability that the best song is the one that is playing.

        >>> DecisionRule().probability(0.9, 0.5, 8) > 0.9 > 0.1 > DecisionRule().probability(0.3, 0.02, 8)
        True
        """
        logit = self.bias + self.score * score + self.margin * margin + self.log2_windows * math.log2(windows)
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))

    def state(self, ranked: list[SongMatch], music: float, windows: int) -> State:
        """What a query is, from its ranked songs and the mean log-odds of music over its windows."""
        best, margin = ranked[0], lead(ranked)
        if (
            margin >= self.tie_margin
            and self.probability(best.score, margin, windows) >= self.least_probability
        ):
            return "song"
        return "unknown_song" if music >= self.least_music else "no_song"


def lead(ranked: list[SongMatch]) -> float:
    """Score of the best song above the second; above 0 where there is no second."""
    return ranked[0].score - (ranked[1].score if len(ranked) > 1 else 0.0)
