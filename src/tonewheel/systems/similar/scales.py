"""The scales of a collection, from its own pairs of tracks that are no versions of each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.seeds import generator
from tonewheel.systems.similar.scores import pairs, scale_of
from tonewheel.systems.similar.why import PARTS, Traits, part_scores

Floats = NDArray[np.float32]

AT_ONCE = 4096
MOMENTS_AT_ONCE = 512


def collection_scales(
    rows: Floats,
    moments: NDArray[np.int8],
    counts: NDArray[np.int64],
    traits: Traits,
    group: NDArray[np.int64],
) -> dict[str, Any]:
    """The scales as `similarity`, `moments` and `parts`, from a collection's arrays as `Library` holds them."""
    rng = generator(0, "similar", "scales")
    first, second = pairs(group, rng)
    cosines, parts, likeliest = [], [np.empty((0, len(PARTS)))], []
    starts = np.cumsum(counts) - counts
    for i in range(0, len(first), AT_ONCE):
        a, b = first[i : i + AT_ONCE], second[i : i + AT_ONCE]
        cosines.append(np.einsum("ij,ij->i", rows[a], rows[b]))
        parts.append(part_scores(traits.take(a), traits.take(b)))
        # A moment drawn from the one track, the likeliest of a few of the other's: what a query of a moment meets.
        for one, other in zip(a[:MOMENTS_AT_ONCE].tolist(), b[:MOMENTS_AT_ONCE].tolist(), strict=True):
            asked = moments[starts[one] + int(rng.integers(counts[one]))].astype(np.float32)
            own = moments[starts[other] : starts[other] + counts[other]].astype(np.float32)
            likeliest.append(float((own @ asked).max()) / 127**2)
    table = np.concatenate(parts)
    return {
        "similarity": scale_of(np.concatenate([*cosines, np.empty(0)])),
        "moments": scale_of(np.array(likeliest)),
        "parts": tuple(scale_of(column) for column in table.T),
    }
