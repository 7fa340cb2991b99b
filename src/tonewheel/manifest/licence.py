"""What a licence string lets us do: train weights that ship, or evaluate only.

The rule of the project: CC0, CC BY, CC BY-SA, public domain, MIT/BSD-like and "royalty-free any use" audio
may train a shipped weight, attributed in its card. NonCommercial and NoDerivatives audio, and audio under the
GPL alone, is for evaluation only. A string that mixes the GPL with Creative Commons for a whole repository,
without saying which file has which, is unknown, and so is everything that names no licence we know; unknown
audio does not train by default.

This reads strings as people write them in indexes and tags; it is no legal advice and looks at no file.
"""

from __future__ import annotations

import re
from typing import Literal

from tonewheel.core.records import Record

Use = Literal["allowed", "evaluation-only", "unknown"]

_OPEN: tuple[tuple[str, str], ...] = (
    ("CC0", r"cc[ -]?0|cc[ -]zero|creativecommons\.org/publicdomain/zero"),
    ("public domain", r"public[ -]domain|publicdomain|pd[ -]mark"),
    ("CC BY-SA", r"cc[ -]by[ -]sa|licenses/by-sa|attribution[ -]+share[ -]?alike"),
    ("CC BY", r"cc[ -]by(?![ -](?:sa|nc|nd))|licenses/by/|cc[ -]attribution"),
    ("CC BY", r"attribution creative commons|creative commons[ -]+attribution(?![ -]+(?:share|non|no[ -]))"),
    ("MIT", r"mit|expat"),
    ("BSD", r"bsd(?:[ -]\d-clause)?"),
    ("Apache", r"apache(?:[ -]2(?:\.0)?)?"),
    ("royalty-free for any use", r"royalty[ -]free,? (?:for )?any use"),
)
_CLOSED: tuple[tuple[str, str], ...] = (
    ("NonCommercial", r"nc|non[ -]?commercial|no[ -]commercial(?: use)?"),
    ("NoDerivatives", r"nd|no[ -]?deriv(?:s|atives?)?|no[ -]derivative works"),
)
_RESERVED = r"all rights reserved|proprietary|unlicen[sc]ed|no licen[sc]e|not licen[sc]ed|personal use"
_GPL = r"[al]?gpl(?:[ -]?v?\d(?:\.\d)?\+?)?|gnu general public licen[sc]e"
_CC = r"cc|creative commons"


class Licence(Record):
    """A licence string, what it permits, and why.

    >>> classify("CC BY-NC-SA 4.0").use
    'evaluation-only'
    """

    text: str
    use: Use
    names: tuple[str, ...]
    """The licences that were recognised in the text."""
    reason: str

    @property
    def may_train(self) -> bool:
        """Whether audio under it may train a weight that ships."""
        return self.use == "allowed"


def _found(pattern: str, text: str) -> bool:
    # A name stands alone: "nc" is in "CC-BY-NC" but not in "Nancy", "mit" not in "Mitchell".
    return re.search(rf"(?<![a-z0-9])(?:{pattern})(?![a-z])", text) is not None


def classify(text: str) -> Licence:
    """Classify one licence string; see the head of this module for the rule.

    >>> classify("CC-BY-SA-3.0 (freesound)").use, classify("GPL-3/CC").use, classify("").use
    ('allowed', 'unknown', 'unknown')
    >>> classify("GPL-2+").reason
    'the GPL alone never trains a shipped weight'
    """
    plain = re.sub(r"[\s_]+", " ", text).strip().lower()
    closed = [name for name, pattern in _CLOSED if _found(pattern, plain)]
    open_names = list(dict.fromkeys(name for name, pattern in _OPEN if _found(pattern, plain)))
    gpl = _found(_GPL, plain)
    names = tuple(open_names + closed + (["GPL"] if gpl else []))

    def answer(use: Use, reason: str) -> Licence:
        return Licence(text=text, use=use, names=names, reason=reason)

    if not plain:
        return answer("unknown", "no licence is stated")
    if closed:
        return answer("evaluation-only", f"{' and '.join(closed)}: never trains a shipped weight")
    if gpl and (open_names or _found(_CC, plain)):
        return answer("unknown", "GPL and other licences are mixed without saying which file has which")
    if gpl:
        return answer("evaluation-only", "the GPL alone never trains a shipped weight")
    if _found(_RESERVED, plain):
        return answer("unknown", "rights are reserved, whatever else the text says")
    if open_names:
        return answer("allowed", f"{', '.join(open_names)}: may train, attributed in the card")
    if _found(_CC, plain):
        return answer("unknown", "Creative Commons, but which licence is not said (it may be NonCommercial)")
    return answer("unknown", "no licence that we know is named")
