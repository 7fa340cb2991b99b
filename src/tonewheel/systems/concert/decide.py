"""Is it that song? Score and lead over the second song decide, by a probability fitted on the valid split."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from tonewheel.core.records import Record
from tonewheel.systems.concert.match import SongMatch

State = Literal["song", "no_song", "unknown_song"]


class Evidence(NamedTuple):
    """What speaks for the best song of a run of windows."""

    score: float
    """Mean cosine along its best diagonal."""
    margin: float
    """Its lead over the second song."""
    windows: int
    music: float
    """Mean log-odds of the music head over the windows."""

    def features(self) -> tuple[float, ...]:
        """Inputs of the decision rule, in the order of its weights."""
        length = math.log2(self.windows)
        return self.score, self.margin, length, self.score * length, self.music


class DecisionRule(Record):
    """Logistic model of "the best song is the one that is playing", and the limits from which it is believed.

    Fitted by `concert train` on the valid split, where the song of a query is, or is not, in the catalogue.
    """

    weights: tuple[float, float, float, float, float] = (16.0, 16.0, 1.0, 0.0, 0.0)
    bias: float = -14.0
    least_odds: float = 0.0
    """Log-odds from which a clip is said to be the song."""
    least_live_odds: float = 2.0
    """Log-odds from which a song starts while listening: there, every half second is a chance to be wrong."""
    least_music: float = 0.0
    """Mean log-odds of the music head below which there is no song."""
    tie_margin: float = 0.01
    """A lead below this is a tie: both songs fit, none is said to be the one."""

    def odds(self, evidence: Evidence) -> float:
        """Log-odds that the best song is the one that is playing.

        >>> rule = DecisionRule()
        >>> rule.odds(Evidence(0.9, 0.5, 8, 0.0)) > 0 > rule.odds(Evidence(0.3, 0.02, 8, 0.0))
        True
        """
        return self.bias + sum(w * x for w, x in zip(self.weights, evidence.features(), strict=True))

    def state(self, evidence: Evidence, short: bool = False) -> State:
        """What a clip is; a `short` one holds less than a window, and must be surer."""
        least = self.least_live_odds if short else self.least_odds
        if evidence.margin >= self.tie_margin and self.odds(evidence) >= least:
            return "song"
        return "unknown_song" if evidence.music >= self.least_music else "no_song"


def weigh(ranked: list[SongMatch], windows: int, music: float) -> Evidence:
    """The evidence in ranked songs; the lead of a single song is its score."""
    second = ranked[1].score if len(ranked) > 1 else 0.0
    return Evidence(ranked[0].score, ranked[0].score - second, windows, music)
