"""Prepared folders: what is in them, how it is split, and what is left out and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewheel.core.errors import InputError
from tonewheel.systems.restore.prepare import SAMPLE_RATE_HZ, Prepared, prepare
from tonewheel.systems.restore.transients import MAKERS


def test_sounds_are_decoded_and_split(prepared: Prepared) -> None:
    assert {s.kind for s in prepared.sounds} == {"music", "surface_noise", "drums_alone"}
    assert [s.title for s in prepared.of("music", "train")] == ["Song 0", "Song 1"]
    sound = prepared.of("music", "test")[0]
    floats = prepared.floats(sound)
    assert len(floats) == 7 * SAMPLE_RATE_HZ
    assert np.abs(floats).max() == pytest.approx(0.89, abs=1e-3)
    assert (prepared.floats(sound, 100, 200) == floats[100:200]).all()


def test_a_surface_noise_is_divided_in_time(prepared: Prepared) -> None:
    train, valid = prepared.of("surface_noise", "train"), prepared.of("surface_noise", "valid")
    assert [s.title for s in train] == [s.title for s in valid] == ["Noise 0"]
    assert (train[0].seconds, valid[0].seconds) == (2.25, 0.75)
    assert [s.seconds for s in prepared.of("surface_noise", "test")] == [3.0]


def test_what_may_not_train_or_cannot_be_read_is_left_out_with_its_reason(prepared: Prepared) -> None:
    lines = (prepared.folder / "left_out.jsonl").read_text()
    assert "NonCommercial" in lines
    assert "missing.wav: no such file" in lines
    assert [s.title for s in prepared.of("drums_alone", "test")] == [
        "Drums"
    ]  # to evaluate only, which is allowed


def test_a_second_run_decodes_nothing_and_finds_the_same(prepared: Prepared) -> None:
    before = {s.file: prepared.path(s).stat().st_mtime_ns for s in prepared.sounds}
    source = prepared.folder.parent / "source"
    again, _ = prepare([source], prepared.folder)
    assert again.sounds == prepared.sounds
    assert {s.file: again.path(s).stat().st_mtime_ns for s in again.sounds} == before


def test_any_folder_of_old_records_is_the_real_side(prepared: Prepared, tmp_path: Path) -> None:
    discs = tmp_path / "discs"
    discs.mkdir()
    for number in range(10):
        noise = np.random.default_rng(number).standard_normal(6 * 22_050) * 0.1
        soundfile.write(discs / f"caruso {number}.wav", noise, 22_050)
    found, left_out = prepare([prepared.folder.parent / "source"], tmp_path / "out", discs=[discs])
    splits = [s.split for s in found.sounds if s.kind == "disc"]
    assert len(splits) == 10
    assert set(splits) == {"train", "valid", "test"}
    assert len(left_out) == 2


def test_a_folder_without_music_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "short.wav", np.zeros(4410) + 0.1, 44_100)
    with pytest.raises(InputError, match="no music"):
        prepare([tmp_path / "in"], tmp_path / "out")
    with pytest.raises(InputError, match="not a prepared folder"):
        Prepared(tmp_path / "in")


@pytest.mark.parametrize("kind", list(MAKERS))
def test_transients_are_the_same_for_a_seed_and_sudden(kind: str) -> None:
    from tonewheel.audio.delay import transients

    make = MAKERS[kind]
    one = make(np.random.default_rng(3), 3.0, 22_050)
    assert one.dtype == np.float32
    assert one.shape == (66_150,)
    assert np.abs(one).max() == pytest.approx(0.7, rel=1e-3)
    assert (one == make(np.random.default_rng(3), 3.0, 22_050)).all()
    assert len(transients(one, 22_050)[0]) >= 3


def test_a_source_that_is_not_there_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        prepare([tmp_path / "nowhere"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
