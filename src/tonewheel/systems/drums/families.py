"""The families that are heard first, and the labels told apart within each.

A hit is first found as one of six families, the five of the literature and auxiliary percussion; which label
of the family it is (closed hat or open) is then decided at that instant. So an open hat that might be half
closed is one sure hat, not two doubtful ones.
"""

from __future__ import annotations

import numpy as np

from tonewheel.manifest.components import classes, fold, fold_classes

LABELS: tuple[str, ...] = classes()
"""The 12 labels, in the order of the label head."""

AUXILIARY = "aux_percussion"

FAMILIES: tuple[str, ...] = (*fold_classes(5), AUXILIARY)
"""The six families, in the order of the onset head."""

FAMILY_OF = np.array([FAMILIES.index(fold(label, 5) or AUXILIARY) for label in LABELS])
"""Family number of each label, shape (12,)."""

MEMBERS: tuple[tuple[int, ...], ...] = tuple(
    tuple(int(i) for i in np.flatnonzero(family == FAMILY_OF)) for family in range(len(FAMILIES))
)
"""Label numbers of each family."""
