"""A list of found tracks for other programs: M3U for players, CSV for tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.find import Found
from tonewheel.systems.similar.travel import Step

COLUMNS = ("rank", "track", "title", "artist", "similarity", "timbre", "rhythm", "harmony", "energy", "path")


def m3u(tracks: Sequence[Found | Step], features: Mapping[str, Features]) -> str:
    """An extended M3U playlist (UTF-8) with whole paths, lengths and titles.

    >>> m3u([], {})
    '#EXTM3U\\n'
    """
    lines = ["#EXTM3U"]
    for one in tracks:
        seconds = round(features[one.track].seconds) if one.track in features else -1
        title = " - ".join(part for part in (one.artist, one.title or one.track) if part)
        lines += [f"#EXTINF:{seconds},{_line(title)}", _line(one.path)]
    return "\n".join(lines) + "\n"


def table(tracks: Sequence[Found]) -> str:
    """A CSV table with a header; the parts are empty where there are none.

    >>> table([]).strip() == ",".join(COLUMNS)
    True
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for one in tracks:
        writer.writerow(one.to_dict() | (one.why.to_dict() if one.why else {}))
    return out.getvalue()


def _line(text: str) -> str:
    """Text that stays on its line: a name with a line break must not add an entry."""
    return " ".join(text.splitlines())
