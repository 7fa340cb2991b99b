"""Listening: how soon was the right song named, how often did the answer flip, how far off was the position?

Task: an estimate is a stream of answers, each holding until the next: `times_s` (n,) sorted and `songs` (n,)
integers, -1 for "no song". The reference is the songs that were played: `intervals` (m, 2) in seconds,
sorted, and `labels` (m,) integers; between them nothing plays.

No tool of the field measures these; the definitions are ours:
- time to identify: from the start of a song until the answer is first that song, `inf` if never;
- a flip: within a song, a named song replaces another named song. Dropping out and coming back to the
  same song is no flip, and neither is the previous song that still stands when the next one starts;
- position error: |estimate - reference| at the answers that name the right song, and only there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["evaluate", "flips", "position_errors", "time_to_identify", "validate"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def validate(
    times_s: ArrayLike, songs: ArrayLike, intervals: ArrayLike, labels: ArrayLike
) -> tuple[Floats, Integers, Floats, Integers]:
    """Check a stream of answers against the songs played; returns the four as arrays."""
    times = np.asarray(times_s, dtype=np.float64)
    if not all(np.isfinite(np.asarray(numbers, dtype=np.float64)).all() for numbers in (songs, labels)):
        raise ValueError("songs and labels must be whole numbers")
    answer, right = np.asarray(songs, dtype=np.int64), np.asarray(labels, dtype=np.int64)
    spans = np.asarray(intervals, dtype=np.float64).reshape(-1, 2)
    if times.ndim != 1 or times.shape != answer.shape:
        raise ValueError(f"times_s {times.shape} and songs {answer.shape} must be equally long vectors")
    if not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise ValueError("times_s must be finite and sorted")
    if right.shape != (len(spans),) or not np.isfinite(spans).all():
        raise ValueError(f"intervals {spans.shape} must be finite and have one label each, got {right.shape}")
    if (spans[:, 1] <= spans[:, 0]).any() or (spans[1:, 0] < spans[:-1, 1]).any():
        raise ValueError("intervals must have a length, be sorted and not overlap")
    if right.size and right.min() < 0:
        raise ValueError("labels must be at least 0")
    return times, answer, spans, right


def time_to_identify(times_s: ArrayLike, songs: ArrayLike, intervals: ArrayLike, labels: ArrayLike) -> Floats:
    """Seconds from the start of each song until it is named, shape (m,); `inf` where it never is.

    >>> time_to_identify([4.0, 64.0, 66.0], [0, 0, 1], [[0, 60], [60, 120]], [0, 1]).tolist()
    [4.0, 6.0]
    """
    times, answer, spans, right = validate(times_s, songs, intervals, labels)
    result = np.full(len(spans), np.inf)
    for number, ((start, end), song) in enumerate(zip(spans, right, strict=True)):
        before = int(np.searchsorted(times, start, side="right"))
        if before > 0 and answer[before - 1] == song:
            result[number] = 0.0
            continue
        inside = np.flatnonzero((times > start) & (times < end) & (answer == song))
        if inside.size:
            result[number] = times[inside[0]] - start
    return result


def flips(times_s: ArrayLike, songs: ArrayLike, intervals: ArrayLike, labels: ArrayLike) -> Integers:
    """How often the named song changes within each song played, shape (m,).

    >>> flips([4.0, 20.0, 25.0], [0, 3, 0], [[0, 60]], [0]).tolist()
    [2]
    """
    times, answer, spans, right = validate(times_s, songs, intervals, labels)
    result = np.zeros(len(spans), dtype=np.int64)
    for number, ((start, end), song) in enumerate(zip(spans, right, strict=True)):
        earlier = answer[(times <= start) & (answer >= 0)]
        named = answer[(times > start) & (times < end) & (answer >= 0)]
        if earlier.size and earlier[-1] != song:  # the old song may stand for a while
            standing = np.flatnonzero(named != earlier[-1])
            named = named[standing[0] :] if standing.size else named[:0]
        elif earlier.size:
            named = np.concatenate(([song], named))
        result[number] = int(np.sum(named[1:] != named[:-1]))
    return result


def position_errors(
    times_s: ArrayLike, songs: ArrayLike, positions_s: ArrayLike, intervals: ArrayLike, labels: ArrayLike
) -> Floats:
    """|position - true position| in seconds at every answer that names the song which plays; shape (hits,).

    `positions_s` (n,) is where in the reference track an answer claims to be; NaN where it claims nothing.
    The true position is the time since the song began, which holds for songs played from their beginning at
    their own speed.

    >>> position_errors([10.0, 11.0], [0, 1], [9.75, 3.0], [[0, 60]], [0]).tolist()
    [0.25]
    """
    times, answer, spans, right = validate(times_s, songs, intervals, labels)
    claimed = np.asarray(positions_s, dtype=np.float64)
    if claimed.shape != times.shape:
        raise ValueError(
            f"positions_s {claimed.shape} and times_s {times.shape} must be equally long vectors"
        )
    if not len(spans):
        return np.empty(0)
    song = np.searchsorted(spans[:, 0], times, side="right") - 1
    hit = (song >= 0) & (times < spans[song, 1]) & (answer == right[song]) & ~np.isnan(claimed)
    return np.asarray(np.abs(claimed - (times - spans[song, 0]))[hit])


def evaluate(
    times_s: ArrayLike, songs: ArrayLike, intervals: ArrayLike, labels: ArrayLike
) -> dict[str, float | int]:
    """Median time to identify, share of songs identified, flips a song.

    >>> evaluate([4.0], [0], [[0, 60]], [0])
    {'songs': 1, 'identified': 1.0, 'time_to_identify_median_s': 4.0, 'flips_a_song': 0.0}
    """
    waited = time_to_identify(times_s, songs, intervals, labels)
    if waited.size == 0:
        raise ValueError("no song was played")
    return {
        "songs": int(waited.size),
        "identified": float(np.mean(np.isfinite(waited))),
        "time_to_identify_median_s": float(np.median(waited)),
        "flips_a_song": float(np.mean(flips(times_s, songs, intervals, labels))),
    }
