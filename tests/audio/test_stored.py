"""Sound kept as int16: what comes back is what went in, to the rounding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tonewheel.audio.stored import read_stored, store, stored_samples
from tonewheel.core.errors import InputError


def test_any_span_comes_back_within_half_a_step(tmp_path: Path) -> None:
    audio = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    store(tmp_path / "a.npy", audio)
    scale = 0.89 / np.abs(audio).max()
    assert stored_samples(tmp_path / "a.npy") == 5000
    assert np.abs(read_stored(tmp_path / "a.npy") - audio * scale).max() <= 0.5001 / 32767
    assert (read_stored(tmp_path / "a.npy", 100, 200) == read_stored(tmp_path / "a.npy")[100:200]).all()


def test_silence_and_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="silent"):
        store(tmp_path / "a.npy", np.zeros(100))
    assert not (tmp_path / "a.npy").exists()
    (tmp_path / "text.npy").write_text("no sound")
    for name in ("text.npy", "missing.npy"):
        with pytest.raises(InputError, match="no stored sound"):
            read_stored(tmp_path / name)
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError):
        read_stored(tmp_path / "pickle.npy")
