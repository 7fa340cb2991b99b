"""Annotated recordings: text files of a time and a label a line, as people and data sets write them.

    0.531200 	 KD         MDB Drums: seconds, a code (Southall et al., ISMIR 2017)
    0.5312,kick             a comma or blanks between them, a label of ours or an alias
    0.5312	0.6	Side Stick  an Audacity label track: start, end, label

A line that begins with `#` is a remark. The codes of MDB's five classes that stand for several of our labels
(TT, HH, CY, OT) need to be told (`labels={"HH": "hihat_closed"}`), its subclasses do not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tonewheel.core.errors import InputError
from tonewheel.core.files import read_text
from tonewheel.manifest.components import canonical, is_known
from tonewheel.manifest.drum_hits import DrumHit

CODES: Mapping[str, tuple[str, str]] = {
    "KD": ("kick", ""),
    "SD": ("snare", ""),
    "SDB": ("snare", "brushes"),
    "SDG": ("snare", "ghost_note"),
    "SDF": ("snare", "flam"),
    "SDD": ("snare", "drag"),
    "SDNS": ("snare", "snares_off"),
    "SST": ("cross_stick", ""),
    "CHH": ("hihat_closed", ""),
    "OHH": ("hihat_open", ""),
    "PHH": ("hihat_pedal", ""),
    "HIT": ("tom_high", ""),
    "MHT": ("tom_mid", ""),
    "HFT": ("tom_low", ""),
    "LFT": ("tom_low", ""),
    "RDC": ("ride", ""),
    "RDB": ("ride_bell", ""),
    "CRC": ("crash", ""),
    "CHC": ("china", ""),
    "SPC": ("splash", ""),
    "TMB": ("aux_percussion", ""),
}
"""MDB's codes: label and technique."""
SEVERAL = ("TT", "HH", "CY", "OT")
LATEST_S = 24 * 3600.0


class AnnotatedHit(DrumHit):
    """A hit that somebody wrote down, with the technique that its code tells."""

    techniques: tuple[str, ...] = ()


def read_annotations(
    path: str | Path,
    *,
    labels: Mapping[str, str] | None = None,
    unknown: Callable[[str], None] | None = None,
) -> list[AnnotatedHit]:
    """The hits of a text file, by time; `labels` maps words of the file to labels before anything else.

    A word that means no drum is handed to `unknown` and left out; without `unknown`, as for a line that is no
    annotation, InputError with the line.
    """
    source = Path(path)
    text = read_text(source)
    told = {word: canonical(label) for word, label in (labels or {}).items()}
    hits = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith(("#", "\\")):
            continue
        onset_s, word = _parts(line, source, number)
        code = CODES.get(word.upper())
        if word in told:
            label, technique = told[word], ""
        elif code:
            label, technique = code
        elif is_known(word) and word.upper() not in SEVERAL:
            label, technique = canonical(word), ""
        elif unknown is not None:
            unknown(word)
            continue
        else:
            raise InputError(source, _reason(word), number)
        hits.append(AnnotatedHit(onset_s=onset_s, label=label, techniques=(technique,) if technique else ()))
    return sorted(hits, key=lambda hit: (hit.onset_s, hit.label))


def _parts(line: str, source: Path, number: int) -> tuple[float, str]:
    found = re.fullmatch(
        r"\s*([-+.\deE]+)(?:\s*[,;\t]\s*|\s+)(?:([-+.\deE]+)(?:\s*[,;\t]\s*|\s+))?(\S.*?)\s*", line
    )
    try:
        onset_s = float(found[1]) if found else math.nan
    except ValueError:
        onset_s = math.nan
    if found is None or math.isnan(onset_s):
        raise InputError(source, f'expected a time in seconds and a label, got "{line.strip()[:40]}"', number)
    if not 0 <= onset_s <= LATEST_S:
        hint = "; are the times in milliseconds?" if onset_s > LATEST_S else ""
        raise InputError(source, f"the time must be 0 to {LATEST_S:g} s, got {found[1][:20]}{hint}", number)
    return onset_s, found[3]


def _reason(word: str) -> str:
    if word.upper() in SEVERAL:
        return f'"{word}" stands for several drums; say which, as {word}=hihat_closed'
    try:
        canonical(word)
    except InputError as error:
        return error.reason
    return f'unknown label "{word[:40]}"'
