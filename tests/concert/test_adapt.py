"""A pack made ready for a venue: what it is made of, when it is refused, and that refusal writes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray
from tests.concert.a_hall import profile

from tonewheel.cli.main import main
from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.venue import adapt as adapting
from tonewheel.systems.concert.venue import check as checking
from tonewheel.systems.concert.venue.check import Side, check, held_out
from tonewheel.systems.concert.venue.finetune import FineTuning, fine_tune
from tonewheel.systems.concert.venue.mining import mine
from tonewheel.systems.concert.venue.profile import Venue
from tonewheel.systems.concert.venue.references import Tracks, find_tracks, through_venue
from tonewheel.systems.concert.venue.simulate import Surroundings

Floats = NDArray[np.float32]


def run(arguments: list[str]) -> int:
    """The exit status of a command."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def venue() -> Venue:
    """A hall of one and a half seconds, a crowd 8 dB below the music."""
    return Venue(recordings=(profile(),))


@pytest.fixture(scope="module")
def found(pack: Pack, tracks: Path) -> Tracks:
    """The audio of the pack's songs."""
    return find_tracks(pack, tracks)


@pytest.fixture(scope="module")
def around(prepared: Prepared) -> Surroundings:
    """A room and a crowd; synthesised crowds would take seconds each."""
    return Surroundings(prepared.paths("room", "train"), prepared.paths("crowd", "train"))


def test_references_move_towards_the_venue(
    pack: Pack, found: Tracks, venue: Venue, embedder: Embedder, around: Surroundings
) -> None:
    made = through_venue(pack, found, venue, embedder, views=2)
    clips = held_out(found, venue, 6, around, seed=9)[::2]  # the even ones go through the venue
    before, after = [], []
    for clip in clips:
        rows = embedder.embed(clip.audio).embeddings[:7]
        for scores, catalogue in ((before, pack.catalogue), (after, made.catalogue)):
            song = pack.songs.index(pack.header.references[clip.reference].song)
            scores.append(next(m.score for m in catalogue.rank(rows) if m.song == song))
    assert np.mean(after) > np.mean(before)
    assert made.header.references == pack.header.references


def test_a_track_that_is_missing_leaves_its_reference_as_it_was(
    pack: Pack, found: Tracks, venue: Venue, embedder: Embedder
) -> None:
    without = Tracks((None, *found.audio[1:]), ("01: is not there",))
    made = through_venue(pack, without, venue, embedder, views=1)
    first = pack.header.references[0].windows
    old, new = (p.embeddings[:first].astype(float) for p in (pack, made))
    cosines = np.sum(old * new, axis=1) / np.linalg.norm(old, axis=1) / np.linalg.norm(new, axis=1)
    assert cosines.min() > 0.999


def test_tracks_are_the_packs_own(pack: Pack, tracks: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        find_tracks(pack, tmp_path / "nowhere")
    shorter = (tracks / pack.header.references[1].file).read_bytes()[:-64_000]
    (tmp_path / pack.header.references[0].file).write_bytes(shorter)
    with pytest.raises(InputError, match="no track of the pack"):
        find_tracks(pack, tmp_path)


def test_a_harmed_pack_is_not_kept(
    pack: Pack, found: Tracks, venue: Venue, embedder: Embedder, around: Surroundings
) -> None:
    clips = held_out(found, venue, 24, around, seed=1)
    shuffled = Pack.of(
        pack.header.references,
        np.split(generator(0).normal(size=pack.embeddings.shape).astype(np.float32), 3),
        embedder,
    )
    verdict = check(Side(pack, embedder), Side(shuffled, embedder), clips)
    assert not verdict.kept
    assert verdict.right_after < 0.7 < verdict.right_before
    same = check(Side(pack, embedder), Side(pack, embedder), clips)
    assert same.kept
    assert same.difference.value == 0
    assert not same.better


def test_held_out_halls_are_none_of_those_that_the_references_went_through(
    found: Tracks, venue: Venue, around: Surroundings
) -> None:
    one, two = (held_out(found, venue, 1, around, seed) for seed in (0, adapting.HELD_OUT_SEED))
    assert not np.array_equal(one[0].audio, two[0].audio)


def test_a_fine_tune_moves_the_weights_and_keeps_what_music_is(
    pack: Pack,
    found: Tracks,
    venue: Venue,
    embedder: Embedder,
    around: Surroundings,
    music: list[Floats],
    tmp_path: Path,
) -> None:
    path, steps = tmp_path / "tuned.safetensors", FineTuning(steps=1)
    tuned = fine_tune(embedder, pack, found, venue, mine(pack), path, surroundings=around, settings=steps)
    assert tuned.fingerprint != embedder.fingerprint
    assert tuned.rule == embedder.rule
    one, other = (each.embed(music[0]) for each in (embedder, tuned))
    assert 0.8 < float(np.sum(one.embeddings * other.embeddings, axis=1).mean()) < 0.999999
    assert np.abs(one.music - other.music).mean() < 3.0
    with pytest.raises(InputError, match="two songs"):
        fine_tune(embedder, pack, Tracks((found.audio[0], None, None), ()), venue, (), path)


def test_every_pair_of_songs_is_mined_once(pack: Pack) -> None:
    worst = mine(pack)
    assert len(worst) == 3
    assert [one.cosine for one in worst] == sorted((one.cosine for one in worst), reverse=True)
    assert len({frozenset((one.song, one.other)) for one in worst}) == 3


def test_the_command_writes_a_pack_only_if_it_is_not_worse(
    pack_file: Path,
    tracks: Path,
    venue: Venue,
    embedder: Embedder,
    prepared: Prepared,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, out = tmp_path / "venue.json", tmp_path / "hall.pack"
    file.write_text(venue.to_json())
    command = ["concert", "adapt", "--pack", str(pack_file), "--venue", str(file), "--tracks", str(tracks)]
    command += [
        "-o",
        str(out),
        "--queries",
        "20",
        "--views",
        "1",
        "--json",
        "--prepared",
        str(prepared.folder),
    ]
    monkeypatch.setattr(checking, "MARGIN", -2.0)  # nothing is so good
    assert run(command) == 1
    assert not out.exists()
    assert json.loads(capsys.readouterr().out)["written"] == []
    monkeypatch.setattr(checking, "MARGIN", 2.0)
    monkeypatch.setattr(checking, "MORE_FALSE", 2.0)
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["written"] == [str(out)]
    assert Pack.read(out, embedder).songs == Pack.read(pack_file, embedder).songs
    assert run(command) == 2
    assert "--force" in capsys.readouterr().err
    broken = structs.replace(venue, recordings=())
    file.write_text(broken.to_json())
    assert run([*command, "--force"]) == 2
    assert "names no recording" in capsys.readouterr().err
