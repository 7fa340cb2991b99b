"""The licence gate: nothing trains a shipped weight that may not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from tonewheel.gates.base import Finding, Gate, Verdict
from tonewheel.manifest.licence import classify
from tonewheel.manifest.tracks import Track


class LicenceGate(Gate):
    """Every file of the training splits has a licence that allows it; see `manifest.licence` for the rule.

    >>> tracks = [Track(path="a.ogg", licence="CC0", split="train"), Track(path="b.ogg", licence="GPL-3/CC")]
    >>> print(LicenceGate(splits=("train", "")).check(tracks, Path("."))) # doctest: +ELLIPSIS
    FAILED licence: 1 of 2 files that would train have a licence that does not allow it
    """

    name: ClassVar[str] = "licence"

    splits: tuple[str, ...] = ("train", "valid")
    """Splits that shape a weight: valid chooses checkpoints and thresholds."""

    def check(self, tracks: Sequence[Track], root: Path) -> Verdict:
        used = [track for track in tracks if track.split in self.splits]
        findings = []
        for track in used:
            licence = classify(track.licence)
            if not licence.may_train:
                text = " ".join(track.licence.split())[:80]
                findings.append(
                    Finding(path=track.path, reason=f'"{text}" is {licence.use}: {licence.reason}')
                )
        return self.verdict(
            findings, len(used), "files that would train have a licence that does not allow it"
        )
