"""The nets of restore, in the order in which a recording passes them: clicks, then hiss.

Each is readable in its own file; hum, rumble and offsets need no net.
"""

from __future__ import annotations

from tonewheel.systems.restore.clicks.model import ClickNet
from tonewheel.systems.restore.hiss.model import Denoiser

__all__ = ["ClickNet", "Denoiser"]
