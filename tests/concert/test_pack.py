"""A pack is written whole, read back equal, and refused when it is another model's or damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.audio.encode import write
from tonewheel.cli.main import main
from tonewheel.core.errors import InputError, ModelMismatchError
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack, Reference, build_pack, printable, references_of

TITLES = ("Midnight Circuit", "Velvet Harbour", "Golden River")
RATE = 16_000


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def resized(content: bytes, **changes: object) -> bytes:
    """The file with some keys of its header changed."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    inner = json.loads(header["__metadata__"]["tonewheel"]) | changes
    header["__metadata__"]["tonewheel"] = json.dumps(inner)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def test_it_reads_back_equal(pack: Pack, pack_file: Path, embedder: Embedder) -> None:
    again = Pack.read(pack_file, embedder)
    assert again.header == pack.header
    assert again.songs == TITLES
    assert (again.embeddings == pack.embeddings).all()
    assert again.catalogue.rank(again.catalogue.rows[40:50]) == pack.catalogue.rank(
        pack.catalogue.rows[40:50]
    )


def test_it_says_what_it_holds(pack: Pack) -> None:
    for reference in pack.header.references:
        assert reference.seconds == pytest.approx(24.0)
        assert reference.windows == 45  # a window of 2 s every 0.5 s
        assert reference.lufs is not None
        assert -40 < reference.lufs < -5


def test_eight_bits_cost_next_to_nothing(pack: Pack, music: list[np.ndarray], embedder: Embedder) -> None:
    exact = embedder.embed(music[0]).embeddings
    kept = pack.embeddings[: len(exact)] * np.float32(pack.header.scale)
    assert np.abs(kept @ exact.T - exact @ exact.T).max() < 0.01


def test_the_same_folder_gives_the_same_bytes(tracks: Path, pack_file: Path, tmp_path: Path) -> None:
    assert run("concert", "pack", tracks, "-o", tmp_path / "again.pack") == 0
    assert (tmp_path / "again.pack").read_bytes() == pack_file.read_bytes()


def test_a_pack_of_other_weights_is_refused(pack_file: Path, embedder: Embedder) -> None:
    other = Embedder(embedder.encoder, embedder.recipe, "0" * 64)
    with pytest.raises(ModelMismatchError, match="make it again"):
        Pack.read(pack_file, other)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a concert pack"),
        (b"not a pack at all", "not a concert pack"),
        (b"\xff" * 200, "not a concert pack"),
        ((2**62).to_bytes(8, "little") + b"{}", "not a concert pack"),
        ((2).to_bytes(8, "little") + b"{}", "not a pack of this version"),
    ],
    ids=["empty", "text", "noise", "huge header", "other tensors"],
)
def test_what_is_no_pack_is_refused(content: bytes, reason: str, embedder: Embedder, tmp_path: Path) -> None:
    path = tmp_path / "bad.pack"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        Pack.read(path, embedder)


def test_a_missing_pack_and_a_folder_are_refused(embedder: Embedder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such pack"):
        Pack.read(tmp_path / "none.pack", embedder)
    with pytest.raises(InputError, match="no file"):
        Pack.read(tmp_path, embedder)


@pytest.mark.parametrize(
    "changes",
    [
        {"references": []},
        {"references": [{"song": "a", "file": "a", "seconds": 1.0, "windows": 999, "lufs": None}]},
        {"references": [{"song": "a", "file": "a", "seconds": 1.0, "windows": -1, "lufs": None}]},
        {"hop_s": 0.0},
        {"scale": 0.0},
        {"scale": 1e300},
        {"window_s": "two"},
        {"nonsense": 1},
        {"format": "tonewheel concert pack 0"},
    ],
    ids=str,
)
def test_a_header_that_does_not_fit_is_refused(
    changes: dict[str, object], pack_file: Path, embedder: Embedder, tmp_path: Path
) -> None:
    path = tmp_path / "bad.pack"
    path.write_bytes(resized(pack_file.read_bytes(), **changes))
    with pytest.raises(InputError):
        Pack.read(path, embedder)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_cut_or_changed_pack_is_refused(data: st.DataObject, pack: Pack, embedder: Embedder) -> None:
    content = _written(pack)
    place = data.draw(st.integers(0, len(content) - 1))
    damaged = (
        content[:place]
        if data.draw(st.booleans())
        else content[:place]
        + bytes([content[place] ^ (1 << data.draw(st.integers(0, 7)))])
        + content[place + 1 :]
    )
    path = Path(os.environ["PYTEST_PACK_DIR"]) / "damaged.pack"
    path.write_bytes(damaged)
    try:
        read = Pack.read(path, embedder)
    except (InputError, ModelMismatchError):
        return
    # Letters of a title, or of a number that is only told, may change unnoticed; what is searched may not.
    assert (read.embeddings == pack.embeddings).all()


@pytest.fixture(scope="module", autouse=True)
def _folder_for_hypothesis(tmp_path_factory: pytest.TempPathFactory) -> None:
    # A function-scoped folder would be shared by all examples anyway.
    os.environ["PYTEST_PACK_DIR"] = str(tmp_path_factory.mktemp("damaged"))


def _written(pack: Pack) -> bytes:
    path = Path(os.environ["PYTEST_PACK_DIR"]) / "whole.pack"
    if not path.exists():
        pack.write(path)
    return path.read_bytes()


def test_a_show_of_fifty_songs_stays_below_10_mb(pack: Pack, tmp_path: Path) -> None:
    windows = round((4 * 60 - 2.0) / 0.5) + 1
    rng = np.random.default_rng(0)
    rows = rng.integers(-127, 128, (50 * windows, pack.embeddings.shape[1])).astype(np.int8)
    references = tuple(
        Reference(song=f"song {n}", file=f"{n}.flac", seconds=240.0, windows=windows, lufs=-9.0)
        for n in range(50)
    )
    header = type(pack.header).from_dict(pack.header.to_dict() | {"references": references})
    assert Pack(header, rows).write(tmp_path / "fifty.pack") <= 10_000_000


def test_a_setlist_chooses_and_names_the_songs(tracks: Path, tmp_path: Path) -> None:
    setlist = tmp_path / "setlist.txt"
    setlist.write_text("1. Golden river\n2. Midnight Circuit\n")
    found = references_of(tracks, setlist)
    assert [(song, file.name) for song, file in found] == [
        ("Golden river", "03 - Golden River.wav"),
        ("Midnight Circuit", "01 - Midnight Circuit.wav"),
    ]
    setlist.write_text("Golden River\nNo Such Song\n")
    with pytest.raises(InputError, match="No Such Song"):
        references_of(tracks, setlist)


@pytest.fixture(scope="session")
def mixed(music: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One good track among everything that is none."""
    folder = tmp_path_factory.mktemp("mixed")
    write(folder / "good.wav", music[0][: 6 * RATE], RATE)
    write(folder / "whole.mp3", music[1][: 6 * RATE], RATE)
    (folder / "cut.mp3").write_bytes((folder / "whole.mp3").read_bytes()[:600])
    (folder / "whole.mp3").unlink()
    (folder / "empty.flac").touch()
    (folder / "text.wav").write_text("no sound at all\n" * 20)
    nothing = np.zeros(0, np.float32)
    spoilt = music[0][:RATE].copy()
    spoilt[77] = np.nan
    soundfile.write(folder / "nothing.wav", nothing, RATE)
    soundfile.write(folder / "nan.wav", spoilt, RATE, subtype="FLOAT")
    soundfile.write(folder / "slow.wav", music[0][:RATE], 1)
    soundfile.write(folder / "fast.wav", music[0][:RATE], 768_000)
    soundfile.write(folder / "wide.wav", np.zeros((RATE, 64), np.float32), RATE)
    (folder / "of another time \udcff.wav").write_text("a name that is no UTF-8")
    return folder


def test_bad_tracks_are_left_out_with_a_line_each(
    mixed: Path, embedder: Embedder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("concert", "pack", mixed, "-o", tmp_path / "show.pack", "--json") == 2
    told = capfd.readouterr()
    made = json.loads(told.out)
    assert made["songs"] == ["good"]
    assert made["left_out"] == 9
    assert Pack.read(tmp_path / "show.pack", embedder).songs == ("good",)
    lines = [line for line in told.err.splitlines() if line.startswith("left out: ")]
    assert len(lines) == 9
    assert "Traceback" not in told.err
    for name in ("cut.mp3", "empty.flac", "text.wav", "nothing.wav", "nan.wav", "slow.wav", "fast.wav"):
        assert sum(f"{name}: " in line for line in lines) == 1, name


@pytest.mark.parametrize("given_as", ["missing", "empty", "file"])
def test_a_folder_without_tracks_is_one_line(
    given_as: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tracks"
    if given_as == "empty":
        folder.mkdir()
    elif given_as == "file":
        folder.write_text("x")
    assert run("concert", "pack", folder, "-o", tmp_path / "show.pack") == 2
    told = capfd.readouterr()
    assert str(folder) in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert not (tmp_path / "show.pack").exists()


def test_nothing_is_overwritten_unasked(
    tracks: Path, pack_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = pack_file.read_bytes()
    assert run("concert", "pack", tracks, "-o", pack_file) == 2
    assert "--force" in capfd.readouterr().err
    assert pack_file.read_bytes() == before


@pytest.mark.parametrize(
    "title", ['"; rm -rf / #', "\x1b[2J\x07", "a\nb", "🎸 Ünïcödé", "x" * 200, "'$(id)`"], ids=ascii
)
def test_a_hostile_title_is_only_a_title(
    title: str, music: list[np.ndarray], embedder: Embedder, tmp_path: Path
) -> None:
    folder = tmp_path / "tracks"
    folder.mkdir()
    write(folder / "plain.wav", music[0][: 4 * RATE], RATE)
    (folder / "plain.wav").rename(folder / f"{title.replace('/', '_')}.wav")
    made, left_out = build_pack(folder, None, embedder)
    assert left_out == []
    made.write(tmp_path / "show.pack")
    again = Pack.read(tmp_path / "show.pack", embedder)
    assert again.songs == made.songs
    assert printable(again.songs[0]).isprintable()
    printable(again.songs[0]).encode()
