"""How open a hi-hat is: the raw CC4 of an e-drum module made comparable by the curve of that module.

Modules disagree on the scale and even on the sense of the numbers, so the raw value is never thrown away and
an event of an unknown module is left as it is, and counted. A curve is piecewise linear between its
breakpoints and flat outside them; then the offset is added and the result clipped to 0 (closed) .. 1 (open).
The curve file is that of FORMATS: `vendors`, `VENDOR`, `MODEL`, a curve; names match without case.
"""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.records import Record
from tonewheel.manifest.components import class_of, is_known
from tonewheel.manifest.event_lines import Event, EventLine, components_of, number_of, rewrite

GENERIC = Path(__file__).with_name("openness_curves.json")
"""Curves of no module in particular; nothing is calibrated by them unless an event asks for them by id."""


class Breakpoint(Record, forbid_unknown_fields=False):
    """One measured point of a curve: raw 0..127, openness 0..1."""

    raw: float
    normalized: float


class Curve(Record, forbid_unknown_fields=False):
    """How one module sends openness.

    >>> curve = Curve(curve_id="x", breakpoints=(Breakpoint(raw=0, normalized=1), Breakpoint(raw=90, normalized=0)))
    >>> curve(45), curve(127), curve.high_is_closed
    (0.5, 0.0, True)
    """

    curve_id: str
    breakpoints: tuple[Breakpoint, ...]
    offset: float = 0.0

    def __call__(self, raw: float) -> float:
        """Openness 0..1 of a raw value."""
        points = self.breakpoints
        after = bisect.bisect_right(points, raw, key=lambda point: point.raw)
        if after == 0:
            value = points[0].normalized
        elif after == len(points):
            value = points[-1].normalized
        else:
            low, high = points[after - 1], points[after]
            part = (raw - low.raw) / (high.raw - low.raw)
            value = low.normalized + part * (high.normalized - low.normalized)
        return min(1.0, max(0.0, value + self.offset))

    @property
    def high_is_closed(self) -> bool:
        """Whether a high raw value means a closed hat: the module sends how far the pedal is down."""
        return self.breakpoints[-1].normalized < self.breakpoints[0].normalized


class _File(Record, forbid_unknown_fields=False):
    vendors: dict[str, dict[str, Curve]]
    schema_version: int | str | float = 1


class Curves:
    """The curves of a file, found by vendor and model or by their id, without case.

    >>> Curves.read(GENERIC).by_id("GENERIC_high_is_open")(127)
    1.0
    """

    def __init__(self, curves: dict[tuple[str, str], Curve]) -> None:
        self._of = {(_plain(vendor), _plain(model)): curve for (vendor, model), curve in curves.items()}
        self._by_id = {_plain(curve.curve_id): curve for curve in curves.values()}

    @classmethod
    def read(cls, path: str | Path = GENERIC) -> Curves:
        """Read a curve file; InputError names the vendor and model of a curve that cannot be one."""
        found: dict[tuple[str, str], Curve] = {}
        ids: dict[str, tuple[str, str]] = {}
        for vendor, models in _File.read(path).vendors.items():
            for model, curve in models.items():
                where = f"{vendor} {model}"
                points = tuple(sorted(curve.breakpoints, key=lambda point: point.raw))
                if reason := _problem(curve, points):
                    raise InputError(path, f"{where}: {reason}")
                other = ids.setdefault(_plain(curve.curve_id), (vendor, model))
                if other != (vendor, model) and found[other] != curve:
                    raise InputError(
                        path, f'{where}: curve_id "{curve.curve_id}" is also that of {" ".join(other)}'
                    )
                found[vendor, model] = msgspec.structs.replace(curve, breakpoints=points)
        return cls(found)

    def by_id(self, curve_id: str) -> Curve | None:
        """The curve with this id, or None."""
        return self._by_id.get(_plain(curve_id))

    def of(self, vendor: str, model: str) -> Curve | None:
        """The curve of a module, or None when it was never profiled."""
        return self._of.get((_plain(vendor), _plain(model)))

    def must(self, curve_id: str) -> Curve:
        """The curve with this id; InputError names the nearest."""
        curve = self.by_id(curve_id)
        if curve is None:
            hint = nearest(_plain(curve_id), self._by_id) or f": {', '.join(sorted(self._by_id))}"
            raise InputError("--default-curve", f'no curve "{curve_id}"{hint}')
        return curve


class Calibration(Record):
    """What a calibration did, or would do."""

    events: int
    changed: int
    """Events whose line is another one now."""
    hats: int
    """Hi-hat components with a raw value."""
    calibrated: int
    by_curve: dict[str, int]
    no_curve: dict[str, int]
    """Hi-hat components that were left as they are, by what was looked for."""
    warnings: tuple[str, ...]
    quarantined: int = 0
    dry_run: bool = False


class Calibrator:
    """Sets openness, openness_curve_id and openness_calibrated of the hi-hats of events; keeps count."""

    def __init__(self, curves: Curves, default: Curve | None = None) -> None:
        self.curves, self.default = curves, default
        self.hats = 0
        self.by_curve: Counter[str] = Counter()
        self.no_curve: Counter[str] = Counter()
        self._seen: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))

    def __call__(self, event: Event) -> bool:
        """Calibrate one event in place; True if anything in it changed."""
        changed = False
        for component in components_of(event):
            raw = number_of(component.get("openness_raw"))
            label: str = component["label"]
            if raw is None or not _is_hat(label):
                continue
            self.hats += 1
            curve, wanted = self._curve(event, component.get("openness_curve_id"))
            if curve is None:
                self.no_curve[wanted] += 1
                continue
            openness = round(curve(raw), 6)
            values: dict[str, Any] = {
                "openness": openness,
                "openness_curve_id": curve.curve_id,
                "openness_calibrated": True,
            }
            self.by_curve[curve.curve_id] += 1
            total = self._seen[curve.curve_id][class_of(label)]
            total[0], total[1] = total[0] + openness, total[1] + 1
            if any(component.get(key) != value for key, value in values.items()):
                component.update(values)
                changed = True
        return changed

    def warnings(self) -> tuple[str, ...]:
        """Curves whose open hats come out more closed than the closed ones: a polarity trap."""
        found = []
        for curve_id, labels in sorted(self._seen.items()):
            if "hihat_open" in labels and "hihat_closed" in labels:
                is_open, closed = (
                    labels[name][0] / labels[name][1] for name in ("hihat_open", "hihat_closed")
                )
                if is_open < closed:
                    found.append(
                        f"curve {curve_id}: open hats come out more closed ({is_open:.2f}) than closed ones "
                        f"({closed:.2f}); does this module send high for closed?"
                    )
        return tuple(found)

    def _curve(self, event: Event, override: object) -> tuple[Curve | None, str]:
        if isinstance(override, str) and override:
            return self.curves.by_id(override), f"curve {override}"
        vendor, model = (
            str(event.get(f"device_{key}") or event.get(key) or "").strip() for key in ("vendor", "model")
        )
        if not vendor and not model:
            return self.default, "no vendor and model"
        return self.curves.of(vendor, model) or self.default, f"{vendor} {model}".strip()


def calibrate(
    events: str | Path,
    out: str | Path | None,
    curves: Curves,
    *,
    default: Curve | None = None,
    strict: bool = False,
) -> Calibration:
    """Stream a manifest through the curves, one event in memory; `out` None is a dry run."""
    calibrator = Calibrator(curves, default)

    def change(line: EventLine) -> bool:
        return calibrator(line.event)

    total, changed, quarantined = rewrite(events, out, change, strict=strict)
    return Calibration(
        events=total,
        changed=changed,
        hats=calibrator.hats,
        calibrated=sum(calibrator.by_curve.values()),
        by_curve=dict(sorted(calibrator.by_curve.items())),
        no_curve=dict(sorted(calibrator.no_curve.items())),
        warnings=calibrator.warnings(),
        quarantined=quarantined,
        dry_run=out is None,
    )


@lru_cache(4096)
def _is_hat(label: str) -> bool:
    return is_known(label) and class_of(label).startswith("hihat")


@lru_cache(4096)
def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def _problem(curve: Curve, points: tuple[Breakpoint, ...]) -> str | None:
    if len(points) < 2:
        return f"a curve needs at least 2 breakpoints, got {len(points)}"
    if not curve.curve_id.strip():
        return "curve_id is empty"
    if not -1 <= curve.offset <= 1:
        return f"offset must be -1..1, got {curve.offset:g}"
    for point in points:
        if not (0 <= point.raw <= 127 and 0 <= point.normalized <= 1):
            return (
                f"a breakpoint has raw 0..127 and normalized 0..1, got {point.raw:g} and {point.normalized:g}"
            )
    for low, high in pairwise(points):
        if low.raw == high.raw:
            return f"two breakpoints have raw {low.raw:g}"
    return None
