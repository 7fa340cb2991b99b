"""Lists and paths: the right tracks, no versions, no crowd of one artist, and what was asked for."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import spearmanr

from tonewheel.core.errors import InputError
from tonewheel.systems.similar import keys
from tonewheel.systems.similar.backbones.hand import Hand
from tonewheel.systems.similar.filters import Filters, parse_range
from tonewheel.systems.similar.find import find, one_of, sound_query, track_query
from tonewheel.systems.similar.library import Library
from tonewheel.systems.similar.playlists import COLUMNS, m3u, table
from tonewheel.systems.similar.tracks import Sound
from tonewheel.systems.similar.travel import blend, path, weighted


def styles(tracks: list[str]) -> list[str]:
    return [track.split("/")[0] for track in tracks]


@pytest.mark.parametrize("method", ["exact", "hnsw", "ivf"])
def test_the_list_is_of_the_querys_style_and_without_the_query(invented: ModuleType, method: str) -> None:
    made = invented.library(method=method)
    answer = find(made, track_query(made, "noon/07.flac"), k=6, an_artist=None)
    tracks = [match.track for match in answer.matches]
    assert styles(tracks) == ["noon"] * 6
    assert "noon/07.flac" not in tracks
    assert answer.same == ("noon/07.flac",)
    assert answer.style.style == "noon"
    cosines = [match.cosine for match in answer.matches]
    assert cosines == sorted(cosines, reverse=True)
    assert [match.rank for match in answer.matches] == [1, 2, 3, 4, 5, 6]
    assert all(0.6 < match.similarity <= 1 for match in answer.matches)


def test_an_artist_has_two_places_at_most(invented: ModuleType) -> None:
    made = invented.library()
    answer = find(made, track_query(made, "dawn/00.flac"), k=12)
    artists = [match.artist for match in answer.matches]
    assert max(artists.count(artist) for artist in artists) == 2
    assert len(artists) == 12
    crowd = find(made, track_query(made, "dawn/00.flac"), k=12, an_artist=None)
    assert len({match.artist for match in crowd.matches}) <= 4


def test_unknown_artists_are_not_one_artist(invented: ModuleType) -> None:
    tracks = [one._replace(entry=replace(one.entry, artist="")) for one in invented.collection(8)]
    made = Library.of(tracks, Path("/"), Hand())
    assert len(find(made, track_query(made, "dawn/00.flac"), k=10).matches) == 10


def test_of_several_versions_only_the_nearest_is_in_the_list(invented: ModuleType) -> None:
    tracks = invented.collection(6)
    copies = [
        one._replace(
            entry=replace(one.entry, track=f"copies/{n}-{one.entry.track[-7:]}"),
            vector=invented.vectors(9, 0, 40 + n)[n],
        )
        for n, one in enumerate(tracks[:5])
    ]
    made = Library.of([*tracks, *copies], Path("/"), Hand())
    answer = find(made, track_query(made, "dawn/00.flac"), k=17, an_artist=None)
    groups = [made.groups[made.number[match.track]] for match in answer.matches]
    assert len(set(groups)) == len(groups) == 17
    assert len(answer.same) == 2
    everything = find(made, track_query(made, "dawn/00.flac"), k=30, an_artist=None, versions=True)
    assert len(everything.matches) == len(made) - 1


def test_filters_hold(invented: ModuleType) -> None:
    made = invented.library()
    query = track_query(made, "dawn/00.flac")
    fast = find(made, query, 30, Filters(tempo_bpm=(120.0, 132.0)), an_artist=None)
    assert len(fast.matches) == 20
    assert all(120 <= made.entries[match.track].features.tempo_bpm <= 132 for match in fast.matches)
    loud = find(made, query, 30, Filters(energy=(0.7, 1.0), style="DUSK"), an_artist=None)
    assert set(styles([match.track for match in loud.matches])) == {"dusk"}
    # C major mixes with A minor, and not with F sharp minor.
    mixing = find(made, query, 60, Filters(key="compatible"), an_artist=None)
    assert set(styles([match.track for match in mixing.matches])) == {"dawn", "noon"}
    assert find(made, query, 5, Filters(tempo_bpm=(10, 20))).matches == ()
    with pytest.raises(InputError, match=r'no style of the index \(did you mean "dusk"'):
        find(made, query, 5, Filters(style="duks"))
    with pytest.raises(InputError, match="is no key"):
        find(made, query, 5, Filters(key="H dur"))
    with pytest.raises(InputError, match="runs backwards"):
        parse_range("130-120", "tempo")
    with pytest.raises(InputError, match="is no range"):
        parse_range("fast", "tempo")


def test_keys_are_as_far_apart_as_their_signatures() -> None:
    signature = {
        "C major": 0,
        "G major": 1,
        "D major": 2,
        "F major": -1,
        "A minor": 0,
        "E minor": 1,
        "C minor": -3,
    }
    for one, sharps in signature.items():
        for other, others in signature.items():
            assert keys.distance(keys.number(one), keys.number(other)) == abs(sharps - others)
    assert keys.number("Db") == keys.number("C# major")
    assert [
        bool(x) for x in keys.compatible([keys.number("E minor"), keys.number("B minor")], "A minor")
    ] == [
        True,
        False,
    ]


def test_the_reasons_name_what_is_alike(invented: ModuleType) -> None:
    made = invented.library()
    query = track_query(made, "noon/00.flac")
    near = find(made, query, 3, Filters(style="noon")).matches[0].why
    far = find(made, query, 3, Filters(style="dusk")).matches[0].why
    assert near is not None
    assert far is not None
    assert near.rhythm > far.rhythm + 0.3
    assert near.harmony > far.harmony + 0.3
    assert "A minor" in near.words
    assert "BPM" in near.words


def test_a_moment_is_found_at_its_place(invented: ModuleType) -> None:
    made = invented.library()
    start = made.moment_starts[made.number["dusk/04.flac"]]
    moment = made.moments[start + 2] / 127.0
    query = track_query(made, "dawn/00.flac")._replace(
        name="clip.wav",
        vector=(moment / np.linalg.norm(moment)).astype(np.float32),
        span=(10.0, 40.0),
        same=frozenset(),
    )
    best = find(made, query, 5).matches[0]
    assert best.track == "dusk/04.flac"
    assert best.at_s == 15.0
    assert best.cosine == pytest.approx(1.0, abs=1e-3)
    assert best.similarity == 1.0


def test_a_file_that_is_in_the_index_is_named_and_not_listed(invented: ModuleType) -> None:
    tracks = invented.collection(6)
    made = Library.of(tracks, Path("/"), Hand())
    known = tracks[3]
    assert known.whole is not None
    sound = Sound(
        replace(known.entry.features, content_sha256=""), known.vector, known.hand, known.whole[40:300]
    )
    answer = find(made, sound_query(made, Path("clip.wav"), sound))
    assert answer.same == (known.entry.track,)
    assert known.entry.track not in {match.track for match in answer.matches}


def test_playlists_and_tables_are_what_programs_read(invented: ModuleType) -> None:
    made = invented.library(6)
    matches = find(made, track_query(made, "dawn/00.flac"), 4).matches
    features = {name: entry.features for name, entry in made.entries.items()}
    lines = m3u(matches, features).splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[2] == matches[0].path
    assert lines[1].startswith("#EXTINF:180,dawn band")
    rows = list(csv.DictReader(io.StringIO(table(matches))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["track"] for row in rows] == [match.track for match in matches]
    assert float(rows[0]["timbre"]) == matches[0].why.timbre  # type: ignore[union-attr]
    hostile = replace(matches[0], path="a\n/etc/passwd", title="b\r\n#EXTINF:1,c")
    assert len(m3u([hostile], {}).splitlines()) == 3


def test_a_path_rises_and_repeats_nothing(invented: ModuleType) -> None:
    rng = np.random.default_rng(3)
    start, end = invented.vectors(1, 0, 1)[0], invented.vectors(1, 1, 1)[0]
    between = [
        invented.heard(f"way/{n:03d}.wav", v, n % 3)
        for n, (along, v) in enumerate(
            (t, (u / np.linalg.norm(u)).astype(np.float32))
            for t in rng.random(120)
            for u in [(1 - t) * start + t * end + 0.03 * rng.normal(size=len(start))]
        )
    ]
    made = Library.of(
        [invented.heard("a.wav", start, 0), invented.heard("b.wav", end, 1), *between], Path("/"), Hand()
    )
    first, last = track_query(made, "a.wav"), track_query(made, "b.wav")
    for steps in (2, 3, 8, 20):
        found = path(made, first, last, steps)
        assert [one.step for one in found] == list(range(1, steps + 1))
        assert (found[0].track, found[-1].track) == ("a.wav", "b.wav")
        assert len({one.track for one in found}) == steps
        along = [one.progress for one in found]
        assert along == sorted(along)
        np.testing.assert_allclose(along, np.linspace(0, 1, steps), atol=0.15)
    cosines = [float(made.vectors.vector(one.track) @ end) for one in found]
    assert spearmanr(range(len(cosines)), cosines).statistic >= 0.9


def test_a_path_that_cannot_be_says_why(invented: ModuleType) -> None:
    made = invented.library(4)
    first, last = track_query(made, "dawn/00.flac"), track_query(made, "dusk/00.flac")
    with pytest.raises(InputError, match="is where the path begins"):
        path(made, first, first)
    with pytest.raises(InputError, match="at least 2 steps"):
        path(made, first, last, 1)
    with pytest.raises(InputError, match="ask for fewer"):
        path(made, first, last, 40)


def test_a_path_holds_two_tracks_of_an_artist_at_most(invented: ModuleType) -> None:
    made = invented.library(20)
    found = path(made, track_query(made, "dawn/00.flac"), track_query(made, "dusk/00.flac"), 10)
    artists = [one.artist for one in found[1:-1]]
    assert max(artists.count(artist) for artist in artists) <= 2


def test_a_blend_lies_between_its_parts(invented: ModuleType) -> None:
    made = invented.library()
    a, b = track_query(made, "dawn/00.flac"), track_query(made, "dusk/00.flac")
    both = blend([(a, 0.5), (b, 0.5)])
    assert both.vector @ a.vector == pytest.approx(both.vector @ b.vector, abs=1e-5)
    tracks = [match.track for match in find(made, blend([(a, 0.9), (b, 0.1)]), 8).matches]
    assert set(styles(tracks)) == {"dawn"}
    assert {"dawn/00.flac", "dusk/00.flac"}.isdisjoint(tracks)
    assert find(made, both, 3).matches[0].why is None
    for weights in ([0.0, 0.0], [-1.0, 2.0], [np.nan, 1.0]):
        with pytest.raises(InputError, match="weights"):
            blend(list(zip((a, b), weights, strict=True)))
    assert weighted("dusk") == ("dusk", 1.0)


def test_a_query_is_a_track_then_a_file(invented: ModuleType, tmp_path: Path) -> None:
    made = invented.library(4)
    assert one_of("dawn/00.flac", made) == "dawn/00.flac"
    clip = tmp_path / "clip.wav"
    clip.touch()
    assert one_of(str(clip), made) == clip
    with pytest.raises(InputError, match="is no file"):
        one_of(str(tmp_path), made)
    assert one_of("DUSK 2", made) == "dusk/02.flac"
    assert invented.STYLES[2] == "dusk"
