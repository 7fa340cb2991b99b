"""Which style of the collection a track belongs to, how sure that is, and when it is none of them.

A style is the mean direction of its tracks. Two logistic formulas, in the cosine with the nearest style, the lead
over the second, and how that cosine compares with the style's own tracks, give the probability that the nearest is
right and that none is; the likelier is the answer. They are fitted on the collection: every track once with its
style's mean taken without it, and once with its whole style hidden, where "none of these" is right. So they speak of
a world in which half of the queries belong to no style.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewheel.core.records import Record
from tonewheel.metrics.calibration import Logistic, fit_logistic
from tonewheel.systems.similar.backbones.base import unit

Floats = NDArray[np.float32]

LEAST_TRACKS = 3
"""A style of fewer says nothing once one of them is left out."""
SHRINK = 3.0
"""Few styles of few tracks would make the formulas surer than they are of other tracks (see docs/similar.md)."""


class Styles(Record):
    """Styles as a profile gives them: names, and the style of each track by its name in the index."""

    names: tuple[str, ...]
    style_of: dict[str, int]


class Membership(Record):
    """A style and the probability that it is right; `style` is None for "none of these"."""

    style: str | None
    confidence: float
    """That `style` is right; for None, that none is."""
    nearest: str | None = None
    """The nearest style, whether or not it was chosen."""


class StyleRule(Record):
    """How membership is decided; `right` and `none` are None when the collection is too small to fit them."""

    names: tuple[str, ...] = ()
    typical: tuple[float, ...] = ()
    """Mean cosine of a style's tracks with the mean of its other tracks."""
    spread: tuple[float, ...] = ()
    right: Logistic | None = None
    """The probability that the nearest style is the track's."""
    none: Logistic | None = None
    """The probability that it belongs to none."""

    def place(self, vector: Floats, centroids: Floats) -> Membership:
        """The style of a unit vector (size,), given the styles' mean directions (styles, size)."""
        if not self.names:
            return Membership(style=None, confidence=1.0)
        which, features = self.evidence(centroids @ vector)
        if self.right is None or self.none is None:
            return Membership(style=None, confidence=0.5, nearest=self.names[which])
        right, none = (float(formula.predict([features])[0]) for formula in (self.right, self.none))
        chosen = self.names[which] if right >= none else None
        return Membership(style=chosen, confidence=round(max(right, none), 3), nearest=self.names[which])

    def evidence(self, cosines: NDArray[np.float32], hidden: int | None = None) -> tuple[int, list[float]]:
        """The nearest style and what speaks for it; `hidden` is a style that does not exist."""
        known = cosines.astype(np.float64)
        if hidden is not None:
            known[hidden] = -np.inf
        order = np.argsort(-known, kind="stable")
        best = int(order[0])
        # Of two styles, one is left when the other is hidden: a lead over nothing would give the game away.
        lead = known[best] - known[order[1]] if len(order) > 2 else 0.0
        usual = (known[best] - self.typical[best]) / self.spread[best]
        return best, [float(known[best]), float(lead), float(np.clip(usual, -6, 6))]


def fit_rule(
    rows: Floats, groups: NDArray[np.int64], styles: Styles | None, tracks: Sequence[str]
) -> tuple[NDArray[np.int64], Floats, StyleRule]:
    """The style of each track (n,), -1 for none; mean directions (styles, size); and the rule.

    A track is judged without the other versions of it (`groups`): they would speak for it.
    """
    if styles is None:
        return np.full(len(rows), -1, np.int64), np.empty((0, rows.shape[1]), np.float32), StyleRule()
    style_of = np.array([styles.style_of.get(track, -1) for track in tracks], np.int64)
    count = len(styles.names)
    sums = np.stack([rows[style_of == style].sum(axis=0) for style in range(count)]) if count else None
    if sums is None or not count:
        return style_of, np.empty((0, rows.shape[1]), np.float32), StyleRule()
    centroids = unit(sums)
    cosines = np.full((len(rows), count), -1.0, np.float32)
    judged = []
    for track, style in enumerate(style_of.tolist()):
        own = (style_of == style) & (groups == groups[track])
        if style < 0 or (style_of == style).sum() - own.sum() < LEAST_TRACKS - 1:
            continue
        without = centroids.copy()
        without[style] = unit(sums[style] - rows[own].sum(axis=0))
        cosines[track] = without @ rows[track]
        judged.append(track)
    members = [[track for track in judged if style_of[track] == style] for style in range(count)]
    own_cosines = [cosines[tracks_of, style] for style, tracks_of in enumerate(members)]
    everything = np.concatenate([*own_cosines, np.zeros(1)])
    rule = StyleRule(
        names=styles.names,
        typical=tuple(float(np.mean(own)) if own.size else float(everything.mean()) for own in own_cosines),
        spread=tuple(max(float(np.std(own)), 0.02) if own.size else 0.1 for own in own_cosines),
    )
    return style_of, centroids, _decided(rule, cosines, style_of, judged)


def _decided(
    rule: StyleRule, cosines: Floats, style_of: NDArray[np.int64], judged: Sequence[int]
) -> StyleRule:
    features, right, none = [], [], []
    for track in judged:
        style = int(style_of[track])
        best, evidence = rule.evidence(cosines[track])
        features.append(evidence)
        right.append(best == style)
        none.append(False)
        if len(rule.names) > 1:
            features.append(rule.evidence(cosines[track], hidden=style)[1])
            right.append(False)
            none.append(True)
    if not 0 < sum(right) < len(right) or not any(none):
        return rule
    return replace(
        rule,
        right=fit_logistic(features, right, shrink=SHRINK),
        none=fit_logistic(features, none, shrink=SHRINK),
    )
