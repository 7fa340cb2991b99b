"""Training data of both nets, drawn by step number from one prepared folder.

Each is readable in its own file; what they share is `prepare`, `degrade` and the rule that batch k is a pure
function of the seed and k.
"""

from __future__ import annotations

from tonewheel.systems.restore.clicks.data import ClickStream
from tonewheel.systems.restore.hiss.data import HissStream

__all__ = ["ClickStream", "HissStream"]
