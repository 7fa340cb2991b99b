"""What was left out, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tonewheel.core.console import say

SHOWN = 20


def tell_left_out(found: Sequence[object], all_in: str = "") -> None:
    """A line each, at most 20; `all_in` says where the others are."""
    for one in found[:SHOWN]:
        say(f"left out: {one}")
    if len(found) > SHOWN:
        say(f"left out: {len(found) - SHOWN} more" + (f", all in {all_in}" if all_in else ""))
