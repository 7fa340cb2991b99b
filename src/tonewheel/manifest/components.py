"""What is struck: labels of drum components, other names for them, and coarser classes.

A label says what was struck and how (`hihat_open`, `crash2`); the taxonomy is `components.json` beside this
file, which can be replaced by one of the same shape. Every label belongs to one of 12 classes, what a
classifier tells apart; classes fold further:

    3  kick, snare, hihat: what most of the literature transcribes (cross stick counts as snare)
    5  kick, snare, tom, hihat, cymbal: ADTOF (Zehren et al., ISMIR 2021), the classes of MDB Drums (Southall
       et al., 2017) without "other"
    8  as 5, with ride, cross stick and auxiliary percussion apart: after the eight of Vogl et al.
       (arXiv:1806.06676), which part bells and claves where these labels know one auxiliary class

What a fold leaves out (toms in 3, auxiliary percussion in 3 and 5) is in none of its classes.
"""

from __future__ import annotations

import re
from functools import cache, cached_property
from pathlib import Path

import msgspec

from tonewheel.core.errors import InputError, nearest
from tonewheel.core.records import Record

SHIPPED = Path(__file__).with_name("components.json")


class Label(Record, rename={"class_name": "class"}):
    """One label of the taxonomy: the class it belongs to, and its other names."""

    class_name: str
    aliases: tuple[str, ...] = ()


class Fold(Record):
    """Coarser classes: `of` gives the one of each of the 12, or None for a class that it leaves out."""

    classes: tuple[str, ...]
    of: dict[str, str | None]


class Midi(Record):
    """General MIDI percussion (channel 10): note number to label and back."""

    notes: dict[int, str]
    finer: dict[int, str] = msgspec.field(default_factory=dict)
    """Notes that name a variant of the label in `notes`: 57 is the second crash."""
    note_of: dict[str, int] = msgspec.field(default_factory=dict)


class Components(Record, dict=True):
    """A taxonomy of drum components, as `components.json` holds it."""

    schema_version: int
    labels: dict[str, Label]
    classes: tuple[str, ...]
    folds: dict[int, Fold]
    midi: Midi
    fold_aliases: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)

    @cached_property
    def names(self) -> dict[str, str]:
        """Every label and alias, written plainly, with the label that it means."""
        return {plain(name): label for label, one in self.labels.items() for name in (label, *one.aliases)}

    def find(self, label: str) -> str | None:
        """The label that a name means, or None if it means none."""
        return label if label in self.labels else self.names.get(plain(label))

    def problems(self) -> list[str]:
        """What does not fit together, so that a taxonomy of one's own fails when it is read."""
        found = [f'label "{k}" is of no class: "{v.class_name}"' for k, v in self.labels.items()
                 if v.class_name not in self.classes]  # fmt: skip
        taken: dict[str, str] = {}
        for label, one in self.labels.items():
            for name in (label, *one.aliases):
                other = taken.setdefault(plain(name), label)
                if other != label:
                    found.append(f'"{name}" means both "{other}" and "{label}"')
        for size, fold in self.folds.items():
            if set(fold.of) != set(self.classes) or not set(fold.of.values()) <= {*fold.classes, None}:
                found.append(f"the fold to {size} does not take every class to one of its own")
        found += [f'MIDI note {note}: no label "{label}"'
                  for note, label in [*self.midi.notes.items(), *self.midi.finer.items()]
                  if label not in self.labels]  # fmt: skip
        found += [f'note_of: no label "{label}"' for label in self.midi.note_of if label not in self.labels]
        return found


def load_components(path: str | Path | None = None) -> Components:
    """A taxonomy from a file, or the shipped one; InputError when its parts do not fit together."""
    return _shipped() if path is None else _checked(Path(path))


@cache
def _shipped() -> Components:
    return _checked(SHIPPED)


def _checked(path: Path) -> Components:
    components = Components.read(path)
    if problems := components.problems():
        raise InputError(path, "; ".join(problems))
    return components


def canonical(label: str) -> str:
    """The label that a name means: case, spaces and hyphens do not matter, aliases are followed.

    >>> canonical("Side Stick"), canonical("crash2")
    ('cross_stick', 'crash2')
    >>> canonical("hihat_opn")
    Traceback (most recent call last):
    tonewheel.core.errors.InputError: component: unknown label "hihat_opn" (did you mean "hihat_open"?)
    """
    known = _shipped()
    found = known.find(label)
    if found is None:
        suffix = nearest(plain(label), known.names)
        raise InputError("component", f'unknown label "{label[:60]}"{suffix}')
    return found


def is_known(label: str) -> bool:
    """Whether a name is a label or an alias of one.

    >>> is_known("floor tom"), is_known("theremin")
    (True, False)
    """
    return _shipped().find(label) is not None


def classes() -> tuple[str, ...]:
    """The 12 classes, in the order of the classifier's outputs.

    >>> len(classes()), classes()[:3]
    (12, ('kick', 'snare', 'cross_stick'))
    """
    return _shipped().classes


def class_of(label: str) -> str:
    """Which of the 12 classes a label or alias belongs to.

    >>> class_of("rimshot"), class_of("china"), class_of("hihat_foot_splash")
    ('snare', 'crash', 'hihat_pedal')
    """
    return _shipped().labels[canonical(label)].class_name


def fold_classes(count: int) -> tuple[str, ...]:
    """The names of the `count` classes of a fold: 3, 5, 8 or 12.

    >>> fold_classes(5)
    ('kick', 'snare', 'tom', 'hihat', 'cymbal')
    """
    return classes() if count == len(classes()) else _fold(count).classes


def fold(label: str, count: int) -> str | None:
    """The class of a label, alias or coarser class among `count` (3, 5, 8 or 12); None if it is in none.

    >>> fold("ride_bell", 5), fold("cross_stick", 3), fold("tom_low", 3), fold("HH", 5)
    ('cymbal', 'snare', None, 'hihat')
    """
    if count == len(classes()):
        return class_of(label)
    chosen = _fold(count)
    if is_known(label):
        return chosen.of[class_of(label)]
    name = plain(label)
    coarse = {alias: one for one, aliases in _shipped().fold_aliases.items() for alias in (one, *aliases)}
    if name in coarse:
        return coarse[name] if coarse[name] in chosen.classes else None
    return chosen.of[class_of(label)]  # raises, naming the nearest


def _fold(count: int) -> Fold:
    folds = _shipped().folds
    if count not in folds:
        sizes = ", ".join(str(size) for size in [*sorted(folds), len(classes())])
        raise InputError("fold", f"there are folds to {sizes} classes, not to {count}")
    return folds[count]


def gm_label(note: int, *, finer: bool = False) -> str | None:
    """The label of a General MIDI percussion note, or None; `finer` tells second crash and ride bell apart.

    >>> gm_label(38), gm_label(57), gm_label(57, finer=True), gm_label(81)
    ('snare', 'crash', 'crash2', None)
    """
    midi = _shipped().midi
    return (midi.finer.get(note) if finer else None) or midi.notes.get(note)


def gm_note(label: str) -> int:
    """The General MIDI percussion note that stands for a label.

    >>> gm_note("kick"), gm_note("ride_bell")
    (36, 53)
    """
    return _shipped().midi.note_of[canonical(label)]


def label_names(path: str | Path | None = None) -> dict[str, str]:
    """Every name written plainly (`plain`) and the label that it means, of a taxonomy file or the shipped one.

    The older shape, `{"classes": [{"id", "aliases"}]}`, is read as well.
    """
    if path is None:
        return _shipped().names
    try:
        older = msgspec.json.decode(Path(path).read_bytes(), type=_Older)
    except OSError as error:
        raise InputError(path, error.strerror or "cannot be read") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return load_components(path).names
    return {plain(name): one.id for one in older.classes for name in (*one.aliases, one.id)}


class _OlderClass(msgspec.Struct):
    id: str
    aliases: tuple[str, ...] = ()


class _Older(msgspec.Struct):
    classes: tuple[_OlderClass, ...]


def plain(name: str) -> str:
    """A name in lower case, with one underscore where it has spaces, hyphens or underscores.

    >>> plain(" Floor  Tom"), plain("hi-hat")
    ('floor_tom', 'hi_hat')
    """
    return re.sub(r"[\s\-_]+", "_", name.strip().casefold())
