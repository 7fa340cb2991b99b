"""The backbone of a name or of a file: `encoder`, ours, when its weights are here, else `hand`; OpenL3; heads."""

from __future__ import annotations

from pathlib import Path

from tonewheel.core.errors import InputError, ModelMismatchError, nearest
from tonewheel.systems.similar.backbones.base import Backbone

NAMES = ("encoder", "hand", "openl3")


def backbone(name: str | None = None, weights: Path | None = None) -> Backbone:
    """The backbone `name`, the default one without a name; `weights` are a file of your own.

    Such a file says itself what it is: an encoder, OpenL3's weights as Keras saves them (.h5), or a head, which is
    put on the backbone that it was trained on. InputError names the nearest for a name that is none,
    ModelMismatchError when name and file differ; torch is imported only where it is needed.

    >>> backbone("hand").name
    'hand'
    """
    if name is not None and name not in NAMES:
        raise InputError("backbone", f'"{name}" is none of {", ".join(NAMES)}{nearest(name, NAMES)}')
    if weights is not None:
        return _of_file(name, weights)
    if name is None:
        name = "encoder" if _encoder_weights().is_file() else "hand"
    if name == "hand":
        from tonewheel.systems.similar.backbones.hand import Hand

        return Hand()
    if name == "openl3":
        from tonewheel.systems.similar.backbones.openl3 import OpenL3Backbone, fetched

        return OpenL3Backbone.load(fetched())
    from tonewheel.systems.similar.backbones.encoder import EncoderBackbone

    return EncoderBackbone.shipped()


def _of_file(name: str | None, weights: Path) -> Backbone:
    if weights.suffix in (".h5", ".hdf5"):
        from tonewheel.systems.similar.backbones.openl3 import OpenL3Backbone

        _agree(name, "openl3", weights)
        return OpenL3Backbone.load(weights)
    from tonewheel.learn.checkpoint import load_model
    from tonewheel.systems.similar.backbones.encoder import EncoderBackbone
    from tonewheel.systems.similar.backbones.head import KIND, Headed

    facts = load_model(weights).metadata
    if facts.get("kind") == KIND:
        below = str(facts.get("backbone"))
        _agree(name, below, weights)
        return Headed.load(weights, backbone(below))
    _agree(name, "encoder", weights)
    return EncoderBackbone.load(weights)


def _agree(name: str | None, found: str, weights: Path) -> None:
    if name is not None and name != found:
        raise ModelMismatchError(f'{weights}: is for the backbone "{found}", not for "{name}"')


def _encoder_weights() -> Path:
    # Not from the backbone's module: it imports torch.
    return Path(__file__).parent / "weights" / "encoder.safetensors"
