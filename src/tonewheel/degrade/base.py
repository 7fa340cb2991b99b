"""What every degradation is: a record that is drawn once and then applied to any signal.

The split into drawing and applying follows audiomentations (`freeze_parameters`), with the parameters as
the object itself, so that a line of JSON is the whole damage.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from tonewheel import degrade
from tonewheel.core.errors import InputError, nearest
from tonewheel.core.records import Record

Audio = np.ndarray[Any, np.dtype[np.float32]]
"""float32 amplitudes, nominally within +-1: (samples,) or (channels, samples)."""


def kind_of(class_name: str) -> str:
    """The JSON tag of a class: its name in snake case.

    >>> kind_of("HighPass")
    'high_pass'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()


class Degradation(Record, tag_field="kind", tag=kind_of):
    """Base of all degradations; a subclass lists its parameters as fields and writes `draw` and `process`."""

    keeps_length: ClassVar[bool] = True
    """False where the output is longer or shorter than the input, so that labels in seconds must move too."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """Decide every parameter; subclasses take their bounds as keyword arguments."""
        raise NotImplementedError

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        """The damage itself, on (channels, samples) float32 with at least one sample; must not write into
        it."""
        raise NotImplementedError

    def apply(self, audio: Audio, sample_rate_hz: int) -> Audio:
        """The damaged signal: float32 of the same number of dimensions, and of the same shape if
        `keeps_length`.

        Shape: (samples,) or (channels, samples). Raises InputError for other shapes or a rate below 1 Hz.
        """
        signal = np.asarray(audio, dtype=np.float32)
        name = type(self).__struct_config__.tag
        if signal.ndim not in (1, 2):
            shapes = "(samples,) or (channels, samples)"
            raise InputError(str(name), f"audio has {signal.ndim} dimensions, expected {shapes}")
        if sample_rate_hz < 1:
            raise InputError(str(name), f"sample rate is {sample_rate_hz} Hz, expected at least 1")
        if signal.size == 0:
            return signal.copy()
        damaged = self.process(np.atleast_2d(signal), sample_rate_hz)
        damaged = np.ascontiguousarray(damaged, dtype=np.float32)
        return damaged[0] if signal.ndim == 1 else damaged


def discover() -> dict[str, type[Degradation]]:
    """All degradations by kind: every subclass in the modules of this folder that can be applied.

    >>> "room" in discover() and "codec" in discover()
    True
    """
    found: dict[str, type[Degradation]] = {}
    for module_info in pkgutil.iter_modules(degrade.__path__):
        module = importlib.import_module(f"{degrade.__name__}.{module_info.name}")
        for name, member in vars(module).items():
            if (
                isinstance(member, type)
                and issubclass(member, Degradation)
                and member.process is not Degradation.process
            ):
                found[kind_of(name)] = member
    return dict(sorted(found.items()))


def from_dict(values: Any, where: str | Path = "") -> Degradation:
    """The degradation that `to_dict` described, found by its "kind"; InputError names what is wrong.

    >>> from_dict({"kind": "gain", "gain_db": -6.0})
    Gain(gain_db=-6.0)
    """
    if not isinstance(values, dict) or not isinstance(values.get("kind"), str):
        raise InputError(where or "degradation", 'expected an object with a "kind"')
    kinds = discover()
    kind = values["kind"]
    if kind not in kinds:
        raise InputError(where or "degradation", f'unknown kind "{kind}"{nearest(kind, kinds)}')
    return kinds[kind].from_dict(values, where=where)


def from_json(text: str | bytes, where: str | Path = "") -> Degradation:
    """The degradation that `to_json` wrote, whatever its kind.

    >>> from_json('{"kind": "gain", "gain_db": 3.0}').to_json()
    '{"kind":"gain","gain_db":3.0}'
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(where or "degradation", f"not JSON: {error}") from None
    return from_dict(values, where=where)
