"""The taxonomy of techniques: their ids, categories and other names, from JSON or from the older plain list."""

from __future__ import annotations

import re
from pathlib import Path

from tonewheel.core.errors import InputError
from tonewheel.core.files import read_text
from tonewheel.core.records import Record

SHIPPED = Path(__file__).with_name("technique_taxonomy.json")


class Technique(Record, forbid_unknown_fields=False):
    """One way to play, and what else people call it."""

    id: str
    category: str = ""
    priority: str | int | None = None
    aliases: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    description: str = ""


class Taxonomy(Record):
    """All techniques that are known, in the order of the file."""

    techniques: tuple[Technique, ...]
    version: str = ""

    def names(self) -> dict[str, str]:
        """Every id and alias, written plainly, with the id that it means; an id wins over an alias."""
        found = {plain(alias): one.id for one in reversed(self.techniques) for alias in one.aliases}
        return found | {plain(one.id): one.id for one in self.techniques}


def load_taxonomy(path: str | Path | None = None, plain_list: str | Path | None = None) -> Taxonomy:
    """A taxonomy: the JSON file `path`, or where that is missing `plain_list`; the shipped one without both.

    >>> load_taxonomy().names()[plain("Hi-hat bark")]
    'hihat_bark'
    """
    if path is None and plain_list is None:
        return _from_json(SHIPPED)
    if path is not None and (Path(path).exists() or plain_list is None):
        return _from_json(Path(path))
    names = read_list(plain_list or "")
    return Taxonomy(techniques=tuple(Technique(id=plain(name), aliases=(name,)) for name in names))


def read_list(path: str | Path) -> list[str]:
    """Ids or names, one a line; `#` begins a remark, bullets and numbers before a name are dropped.

    The older lists put a remark after the name, parted by a colon or a dash between spaces.
    """
    source = Path(path)
    text = read_text(source)
    names = []
    for line in text.splitlines():
        body = re.sub(r"^\s*(?:[-*•]\s+|\d+[.)]\s+)?", "", line.partition("#")[0])
        name = re.split(r":|\s[-–—]\s", body)[0].strip()
        if name and plain(name):
            names.append(name)
    if not names:
        raise InputError(source, "names no technique")
    return list(dict.fromkeys(names))


class _File(Record, forbid_unknown_fields=False):
    techniques: tuple[Technique | str, ...]
    version: str | int | float = ""


def _from_json(path: Path) -> Taxonomy:
    file = _File.read(path)
    techniques = tuple(one if isinstance(one, Technique) else Technique(id=one) for one in file.techniques)
    ids = [one.id for one in techniques]
    for one in ids:
        if not one.strip() or ids.count(one) > 1:
            raise InputError(path, f'technique "{one}" is there twice' if one.strip() else "an id is empty")
    return Taxonomy(techniques=techniques, version=str(file.version))


def plain(name: str) -> str:
    """A name as ids are written.

    >>> plain("Hi-hat Bark")
    'hi_hat_bark'
    """
    return re.sub(r"[\s\-_/]+", "_", re.sub(r"[()'\"]", "", name).strip().casefold()).strip("_")
