"""What many people's corrections say together: gains of stems in bands, from the snapshots of a data set.

    vote   one a sound, stem and band: what was corrected there, at most 12 dB up or down, by its share of the time;
           0 where nothing was corrected, for that is a vote, too
    stake  the power that the stem had there before it was corrected, as a share of the sound's: people turn a stem
           down where there is much of what is not its own, and up where little is there to be spoiled, so votes that
           count alike say nothing or worse (docs/stems.md); a stake counts as three usual ones (medians) at most
    gain   the mean of the votes by their stakes, the nearer to 0 the less certain it is (James and Stein, 1961),
           and 0 where fewer than 5 sounds were corrected

Who lies can move a gain by the share of the stakes of those who do, and no more than 12 dB; whether gains are used is
said by songs whose stems are known (`join`), which no contribution can touch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonewheel.core.records import read_jsonl
from tonewheel.manifest.stems import STEMS
from tonewheel.systems.stems.features.frames import BANDS
from tonewheel.systems.stems.features.stem_vector import LEVELS, SHARES, WIDTH
from tonewheel.systems.stems.flywheel.corrected import covered
from tonewheel.systems.stems.flywheel.dataset_folder import (
    SIDES,
    Inputs,
    Manifest,
    Metadata,
    Targets,
    read_manifest,
)
from tonewheel.systems.stems.flywheel.edit import FULL_DB
from tonewheel.systems.stems.flywheel.sanitized import KINDS, SanitizedCorrection

Floats = NDArray[np.float64]
SIGNS = {"boost": 1.0, "isolation": 1.0, "cut": -1.0, "masking": -1.0}
LEAST_SOURCES = 5
MOST_STAKE = 3.0
"""Of the median stake of a stem and band; or the mean, where most sounds have nothing of it."""
UNKNOWN = 1 / len(STEMS)


class Ballot(NamedTuple):
    """What one snapshot says: votes in dB and stakes, (6, 24) each."""

    source: str
    votes: Floats
    stakes: Floats


def votes(corrections: Sequence[SanitizedCorrection]) -> Floats:
    """The votes of one sound in dB, (6, 24).

    >>> half = SanitizedCorrection(stem=0, kind=0, low_hz=200, high_hz=800, start=0.0, end=0.5, strength=1.0)
    >>> votes([half])[0, 4:12].tolist()
    [0.0, 6.0, 6.0, 6.0, 6.0, 6.0, 6.0, 0.0]
    """
    told = np.zeros((len(STEMS), BANDS))
    for one in corrections:
        bands, times = covered(one)
        told[one.stem] += SIGNS[KINDS[one.kind]] * FULL_DB * one.strength * times.mean() * bands
    return np.clip(told, -FULL_DB, FULL_DB)


def stakes(power: Floats, shares: Floats, votes_db: Floats) -> Floats:
    """Stakes (6, 24) from the power of all stems (24,), shares of each as corrected (6, 24), and the votes in dB.

    >>> shares = np.zeros((6, 24)); shares[0] = 0.2; shares[1] = 0.8
    >>> float(stakes(np.ones(24), shares, np.zeros((6, 24))).sum().round(6))
    1.0
    """
    gain = 10 ** (votes_db / 10)
    before = shares / (shares + gain * (1 - shares) + 1e-12)
    return np.asarray(before * power / (power.sum() + 1e-12), np.float64)


def gains(ballots: Iterable[Ballot]) -> tuple[Floats, NDArray[np.int64]]:
    """Gains in dB and how many sounds were corrected there, (6, 24) each."""
    said: dict[str, list[Ballot]] = defaultdict(list)
    for one in ballots:
        said[one.source].append(one)
    if not said:
        return np.zeros((len(STEMS), BANDS)), np.zeros((len(STEMS), BANDS), np.int64)
    vote = np.stack([np.mean([one.votes for one in of], axis=0) for of in said.values()])
    stake = np.stack([np.mean([one.stakes for one in of], axis=0) for of in said.values()])
    counts = np.count_nonzero(vote, axis=0)
    stake = np.minimum(stake, np.maximum(MOST_STAKE * np.median(stake, axis=0), stake.mean(axis=0)))
    total = stake.sum(axis=0) + 1e-12
    mean = (stake * vote).sum(axis=0) / total
    variance = (np.square(stake) * np.square(vote - mean)).sum(axis=0) / np.square(total)
    certain = np.maximum(0.0, 1.0 - variance / np.maximum(np.square(mean), 1e-12))
    return np.where(counts >= LEAST_SOURCES, mean * certain, 0.0), counts


def ballots_of(dataset: Path) -> Iterator[Ballot]:
    """What all snapshots of a data set say; stakes are alike where it has another layout than ours."""
    manifest = read_manifest(dataset)
    for side in SIDES:
        folder = dataset / side
        lines = zip(
            read_jsonl(folder / "metadata.jsonl", Metadata),
            read_jsonl(folder / "inputs.jsonl", Inputs),
            read_jsonl(folder / "targets.jsonl", Targets),
            strict=True,
        )
        for metadata, inputs, targets in lines:
            told = votes(metadata.corrections)
            yield Ballot(metadata.source, told, _stakes(manifest, inputs, targets, told))


def _stakes(manifest: Manifest, inputs: Inputs, targets: Targets, told: Floats) -> Floats:
    shares = np.full((len(STEMS), BANDS), UNKNOWN)
    if manifest.target_width != WIDTH or len(inputs.families["spectral"]) < BANDS:
        return shares / BANDS
    power, share = _power(inputs.families["spectral"][:BANDS]), np.full(BANDS, 1e-3)
    power = power * share
    for row, stem in enumerate(STEMS):
        if stem in targets.stems:
            values, weights = np.array(targets.stems[stem]), np.array(targets.weights[stem])
            known = weights[SHARES] > 0
            shares[row, known] = np.clip(values[SHARES][known], 0, 1)
            both = known & (weights[LEVELS] > 0)
            power[both] += _power(values[LEVELS][both])
            share[both] += shares[row, both]
    # What the stems have together is told by those of which something is; where nothing is, by the mean level.
    return stakes(power / share, shares, told)


def _power(levels: ArrayLike) -> Floats:
    """Levels, 0 at -120 dB and 1 at 0 dB, as power."""
    return np.asarray(10 ** (12 * (np.asarray(levels, np.float64) - 1)))
