"""An index of tracks is what it was made of, in memory and in its file; versions are one, styles can be none."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.index.file import as_bytes, open_index, save_index
from tonewheel.index.vectors import VectorIndex
from tonewheel.metrics.calibration import expected_calibration_error
from tonewheel.systems.similar.backbones.hand import Hand, Scale
from tonewheel.systems.similar.library import Library
from tonewheel.systems.similar.same import Signatures, groups, song_name, thin
from tonewheel.systems.similar.scores import pairs, scale_of


def test_it_comes_back_as_it_was(invented: ModuleType, tmp_path: Path) -> None:
    made = invented.library()
    path = tmp_path / "tracks.index"
    size = made.save(path)
    assert size < 50e6 / 215 * len(made)
    opened = Library.open(path, Hand())
    assert opened.tracks == made.tracks
    assert opened.about == made.about
    assert opened.entries == made.entries
    for name in ("hand", "moments", "groups", "centroids", "style_of", "moment_starts"):
        np.testing.assert_array_equal(getattr(opened, name), getattr(made, name))
    first = path.read_bytes()
    opened.save(path)
    assert path.read_bytes() == first


def test_another_backbone_is_refused(invented: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "tracks.index"
    invented.library(5).save(path)
    shipped = Hand().scale
    other = Hand(Scale.from_dict({**shipped.to_dict(), "mean": tuple(m + 1 for m in shipped.mean)}))
    with pytest.raises(ModelMismatchError, match="was made with hand"):
        Library.open(path, other)


def test_an_index_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.index"
    index = VectorIndex(2)
    index.add(["a"], [[1, 0]])
    save_index(path, index, maker="ab", made_with="toy")
    with pytest.raises(InputError, match="not of tracks"):
        Library.open(path)


def test_forged_arrays_are_refused_in_one_line(invented: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "tracks.index"
    invented.library(5).save(path)
    opened = open_index(path)
    lies: dict[str, list[NDArray[np.generic]]] = {
        "moment_counts": [np.full(15, 10**12), np.zeros(15, np.int64), np.full(14, 4)],
        "style_of": [np.full(15, 99)],
        "groups": [np.full(15, -4), np.zeros(15, np.float32)],
        "hand": [np.zeros((3, 216), np.float32)],
        "centroids": [np.zeros((1, 216), np.float32)],
        "word_counts": [np.full(15, -1)],
        "entries": [as_bytes([]), as_bytes([1]), np.frombuffer(b"[", np.uint8)],
        "about": [as_bytes({"root": 1})],
    }
    for name, arrays in lies.items():
        for array in arrays:
            beside = {**opened.beside, name: array}
            save_index(path, opened.index, maker="ab", made_with="hand", beside=beside)
            with pytest.raises(InputError, match="damaged"):
                Library.open(path)


def test_an_index_holds_no_audio_and_no_secret_pickle(invented: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "tracks.index"
    invented.library(5).save(path)
    assert {array.dtype.kind for array in load_file(path).values()} <= set("uif")


def test_tracks_are_found_by_path_file_or_title(invented: ModuleType) -> None:
    made = invented.library(5)
    assert made.resolve("dawn/03.flac") == made.resolve("dawn 3") == "dawn/03.flac"
    assert made.resolve("/nowhere/dusk/01.flac") == "dusk/01.flac"
    with pytest.raises(InputError, match=r"is the title of 3 tracks: dawn/03\.flac, noon/03\.flac"):
        made.resolve("03.flac")
    with pytest.raises(InputError, match=r'neither a file nor a track of the index \(did you mean "dawn'):
        made.resolve("dawn/3.flac")


def test_a_similarity_is_the_share_of_pairs_that_are_less_alike(invented: ModuleType) -> None:
    made = invented.library(30)
    rows = made.vectors.vectors
    first, second = np.triu_indices(len(rows), 1)
    similar = made.about.similarity.similarity(np.einsum("ij,ij->i", rows[first], rows[second]))
    for share in (0.1, 0.5, 0.9, 0.99):
        assert abs((similar < share).mean() - share) < 0.01


def test_a_scale_never_falls_and_knows_its_ends() -> None:
    scale = scale_of([0.3, 0.3, 0.3, 0.6])
    values = scale.similarity(np.linspace(-1, 1, 201))
    assert (np.diff(values) >= 0).all()
    assert values[0] == 0
    assert values[-1] == 1
    assert scale_of([0.5]).similarity([0.7]).tolist() == [0.7]


def test_pairs_are_of_different_groups_and_not_too_many() -> None:
    first, second = pairs(np.arange(2000) // 2, np.random.default_rng(0))
    assert len(first) <= 50_000
    assert (first // 2 != second // 2).all()


def test_versions_are_told_by_their_names() -> None:
    same = ("Blue Line", "blue line (Live)", "Blue_Line [2011 Remaster]", "Blue Line - Extended Mix")
    assert {song_name(name) for name in same} == {"blue line"}
    apart = ("reference_042", "reference_087", "1999", "Symphony No. 5", "Symphony No. 6", "Remix")
    assert len({song_name(name) for name in apart}) == len(apart)
    assert song_name("(Intro)") == "intro"


def test_one_recording_in_two_formats_is_found_by_its_bits() -> None:
    rng = np.random.default_rng(0)
    songs = [rng.integers(0, 2**32, 800, dtype=np.uint32) for _ in range(6)]
    # Another codec: a tenth of the bits differ, some frames not at all.
    flips = np.where(rng.random(500) < 0.3, 0, rng.integers(0, 2**32, 500, dtype=np.uint32))
    flips &= rng.integers(0, 2**32, 500, dtype=np.uint32) & rng.integers(0, 2**32, 500, dtype=np.uint32)
    found = Signatures([thin(song) for song in songs]).find(songs[4][123:623] ^ flips)
    assert [shared.track for shared in found] == [4]
    assert found[0].offset_s == pytest.approx(123 / 16)
    assert Signatures([thin(song) for song in songs]).find(rng.integers(0, 2**32, 500, dtype=np.uint32)) == []
    assert Signatures([]).find(songs[0]) == []


def test_groups_survive_an_update() -> None:
    rng = np.random.default_rng(1)
    words = [rng.integers(0, 2**32, 400, dtype=np.uint32) for _ in range(3)]
    kept = [thin(word) for word in (words[0], words[1], words[0], words[2])]
    names, artists = ["a", "b", "c", "b (live)"], ["x", "y", "x", "y"]
    whole = [words[0], words[1], words[0], words[2]]
    first = groups(kept, whole, names, artists, [-1] * 4)
    assert first.tolist() == [0, 1, 0, 1]
    later = groups(kept[1:], [None] * 3, ["b", "c", "q"], artists[1:], first[1:].tolist())
    assert later.tolist() == [0, 1, 0]
    # Songs of one title by different artists are different songs.
    assert groups(kept[:2], whole[:2], ["home", "home"], ["x", "y"], [-1, -1]).tolist() == [0, 1]


def test_a_style_is_named_with_a_confidence_that_is_kept(invented: ModuleType) -> None:
    made = invented.library(40, noise=3.0)
    sure, right = [], []
    for style, name in enumerate(("dawn", "noon", "dusk")):
        for row in invented.vectors(60, style, seed=5, noise=3.0):
            member = made.style(row)
            sure.append(member.confidence)
            right.append(member.style == name)
    for style in (11, 12, 13):
        for row in invented.vectors(60, style, seed=5, noise=3.0):
            member = made.style(row)
            sure.append(member.confidence)
            right.append(member.style is None)
    assert np.mean(right) > 0.9
    assert expected_calibration_error(sure, right, bins=10) < 0.1


def test_styles_of_a_track_and_of_none_do_not_fail(invented: ModuleType) -> None:
    tracks = invented.collection(4)
    assert Library.of(tracks, Path("/"), Hand()).style(tracks[0].vector).style is None
    lonely = invented.styles_of(tracks[:1] + tracks[4:5])
    small = Library.of(tracks, Path("/"), Hand(), styles=lonely)
    assert small.style(tracks[0].vector).nearest == "dawn"
    alone = Library.of([invented.heard("a.wav", tracks[0].vector, 0)], Path("/"), Hand())
    assert alone.about.similarity.values == ()


def test_an_empty_collection_is_an_error() -> None:
    with pytest.raises(InputError, match="no usable track"):
        Library.of([], Path("/music"), Hand())
