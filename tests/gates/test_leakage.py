"""What may not be in two splits, and what may."""

from __future__ import annotations

from pathlib import Path

import pytest

from tonewheel.gates.leakage import LeakageGate, place
from tonewheel.manifest.tracks import Track, read_tracks


def leaks(*tracks: dict[str, object], gate: LeakageGate | None = None) -> list[str]:
    rows = [Track.from_row({"path": f"{n}.ogg", **track}) for n, track in enumerate(tracks)]
    return [found.reason.split(" in ")[0] for found in (gate or LeakageGate()).check(rows, Path()).findings]


TRAIN = {"split": "train", "title": "Song", "artist": "Band", "source_repo": "a/b"}


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"title": "Song", "artist": "The Others", "source_repo": "x"}, []),
        ({"title": "SONG (Remastered)", "artist": "band", "source_repo": "x"}, ["track", "artist"]),
        ({"title": "Two", "artist": "Band", "source_repo": "x"}, ["artist"]),
        ({"title": "Two", "artist": "Other", "source_repo": "a/b"}, ["source"]),
    ],
)
def test_music_is_kept_apart_by_track_artist_and_source(other: dict[str, str], what: list[str]) -> None:
    assert leaks(TRAIN, {**other, "split": "test"}) == what
    assert leaks(TRAIN, {**other, "split": "train"}) == []
    assert leaks(TRAIN, {**other, "split": ""}) == []


def test_artists_who_are_no_one_link_nothing() -> None:
    for artist in ("", "Various", "various (Somewhere)", "per file"):
        a = {"split": "train", "title": "A", "artist": artist, "source_repo": "x"}
        assert leaks(a, {**a, "split": "test", "title": "B", "source_repo": "y"}) == []
    gate = LeakageGate(ignore_artists=("Band",))
    assert leaks(TRAIN, {**TRAIN, "split": "test", "title": "B", "source_repo": "y"}, gate=gate) == []


def test_two_cuts_of_one_file_are_one_track() -> None:
    a = {"split": "train", "title": "A", "source_path": "songs/1.ogg"}
    assert leaks(a, {**a, "split": "valid", "title": "B"}) == ["file"]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("cement_blocks_1", "cement_blocks_2"),
        ("five_columns", "five_columns_long"),
        ("StMarysAbbeyReconstructionPhase1", "StMarysAbbeyReconstructionPhase3"),
        ("Hall pos 1", "Hall pos 12"),
        ("crowd1", "crowd2"),
    ],
)
def test_positions_in_one_room_are_one_room(a: str, b: str) -> None:
    assert place(a) == place(b)
    room = {"kind": "ir_room", "source_repo": "r"}
    assert leaks({**room, "title": a, "split": "train"}, {**room, "title": b, "split": "test"}) == ["ir_room"]


def test_different_rooms_stay_different() -> None:
    names = ["StAndrewsChurch", "StMarysAbbey", "Basement", "small_drum_room", "nice_drum_room", "1", "phase"]
    assert len({place(name) for name in names}) == len(names)


def test_one_name_at_two_sites_is_two_crowds() -> None:
    crowd = {"kind": "crowd", "title": "applause"}
    a, b = {**crowd, "source_repo": "x", "split": "train"}, {**crowd, "source_repo": "y", "split": "test"}
    assert leaks(a, b) == []


def test_the_shared_index_shares_rooms_and_one_artist_between_its_splits(shared_audio: Path) -> None:
    """Its README says "whole repositories, kits and rooms, never mixed"; by name, some are."""
    verdict = LeakageGate().check(read_tracks(shared_audio / "music" / "index.csv").tracks, shared_audio)
    found = {finding.path.split(" from ")[0] for finding in verdict.findings}
    assert {"kevin macleod", "cement blocks", "in the silo", "five columns"} <= found
    assert not any(finding.reason.startswith(("track", "source", "file")) for finding in verdict.findings)
