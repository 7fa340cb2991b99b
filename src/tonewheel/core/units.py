"""Decibels and times of day in a recording."""

from __future__ import annotations

import math
import re


def db_to_amplitude(level_db: float) -> float:
    """The amplitude ratio of a level: 20 dB is a factor of 10.

    >>> db_to_amplitude(-20.0)
    0.1
    """
    return float(10.0 ** (level_db / 20.0))


def amplitude_to_db(amplitude: float, floor_db: float = -120.0) -> float:
    """The level of an amplitude ratio, not below `floor_db` (silence has no level).

    >>> round(amplitude_to_db(0.5), 2), amplitude_to_db(0.0)
    (-6.02, -120.0)
    """
    magnitude = abs(amplitude)
    return max(floor_db, 20.0 * math.log10(magnitude)) if magnitude > 0.0 else floor_db


def format_time_s(time_s: float) -> str:
    """A time as people write it: minutes and seconds, hours when there are any, to a tenth of a second.

    >>> format_time_s(83.2), format_time_s(3 * 3600 + 62), format_time_s(59.96), format_time_s(-1.5)
    ('1:23.2', '3:01:02.0', '1:00.0', '-0:01.5')
    """
    tenths = round(abs(time_s) * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if time_s < 0 else ""
    clock = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{sign}{clock}:{tenths // 10:02d}.{tenths % 10}"


def parse_time(text: str) -> float:
    """Seconds from '80', '80.5s', '1:20' or '1:02:03.5'; ValueError says what was expected.

    >>> parse_time("1:20"), parse_time("1:02:03.5"), parse_time("12.5s")
    (80.0, 3723.5, 12.5)
    """
    match = re.fullmatch(r"\s*(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)\s*s?\s*", text)
    if match is None:
        raise ValueError(f'"{text}" is no time; write seconds (80.5) or minutes:seconds (1:20)')
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)
