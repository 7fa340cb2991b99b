"""What every gate promises: found by name, limits as fields, a verdict for any data, JSON there and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewheel.core.errors import InputError
from tonewheel.gates.base import Gate, Verdict, discover
from tonewheel.manifest.tracks import Track

FOUND = discover()
GATES = pytest.mark.parametrize("gate", FOUND.values(), ids=list(FOUND))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Track]]:
    """A tone, the same again, an empty file, a text called wav, and a file that is not there."""
    root = tmp_path_factory.mktemp("tracks")
    tone = 0.3 * np.sin(np.arange(6 * 8000) * 0.3).astype(np.float32)
    for name in ("a.wav", "b.wav"):
        soundfile.write(root / name, tone, 8000)
    (root / "empty.wav").touch()
    (root / "text.wav").write_text("this is no sound\n" * 50)
    names = ["a.wav", "b.wav", "empty.wav", "text.wav", "missing.wav"]
    splits = ["train", "test", "valid", "train", "test"]
    pairs = zip(names, splits, strict=True)
    return root, [
        Track(path=name, title=name, artist="x", licence="CC0", split=split) for name, split in pairs
    ]


@GATES
def test_it_is_named_and_described(gate: type[Gate]) -> None:
    assert FOUND[gate.name] is gate
    assert gate.__doc__ != Gate.__doc__
    assert len((gate.__doc__ or "").strip()) > 20


@GATES
def test_its_limits_are_a_closed_record_with_defaults(gate: type[Gate]) -> None:
    assert gate.from_json(gate().to_json()) == gate()
    with pytest.raises(InputError, match="nonsense"):
        gate.from_dict({"nonsense": 1})


@GATES
def test_any_data_gets_a_verdict(gate: type[Gate], folder: tuple[Path, list[Track]]) -> None:
    root, tracks = folder
    verdict = gate().check(tracks, root)
    assert verdict.gate == gate.name
    assert verdict.detail
    assert Verdict.from_json(verdict.to_json()) == verdict
    assert {finding.path for finding in verdict.findings if finding.path.endswith(".wav")} <= {
        track.path for track in tracks
    }


@GATES
def test_no_data_passes(gate: type[Gate], tmp_path: Path) -> None:
    assert gate().check([], tmp_path).passed


@GATES
def test_the_same_data_gets_the_same_verdict(gate: type[Gate], folder: tuple[Path, list[Track]]) -> None:
    root, tracks = folder
    assert gate().check(tracks, root) == gate().check(tracks, root)


def test_some_gate_objects_to_this_folder(folder: tuple[Path, list[Track]]) -> None:
    root, tracks = folder
    assert not all(gate().check(tracks, root).passed for gate in FOUND.values())
