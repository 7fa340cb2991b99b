"""The backbone of a name: `encoder`, ours, when its weights are here, else `hand`; heads and others by their file."""

from __future__ import annotations

from pathlib import Path

from tonewheel.core.errors import InputError, nearest
from tonewheel.systems.similar.backbones.base import Backbone

NAMES = ("encoder", "hand", "openl3")


def backbone(name: str | None = None, weights: Path | None = None) -> Backbone:
    """The backbone `name`, the default one without a name; `weights` are of your own training.

    InputError names the nearest for a name that is none; torch is imported only where it is needed.

    >>> backbone("hand").name
    'hand'
    """
    if name is None:
        name = "encoder" if weights is not None or _encoder_weights().is_file() else "hand"
    if name == "hand":
        from tonewheel.systems.similar.backbones.hand import Hand

        return Hand()
    if name == "encoder":
        from tonewheel.systems.similar.backbones.encoder import EncoderBackbone

        return EncoderBackbone.shipped() if weights is None else EncoderBackbone.load(weights)
    raise InputError("backbone", f'"{name}" is none of {", ".join(NAMES)}{nearest(name, NAMES)}')


def _encoder_weights() -> Path:
    # Not from the backbone's module: it imports torch.
    return Path(__file__).parent / "weights" / "encoder.safetensors"
