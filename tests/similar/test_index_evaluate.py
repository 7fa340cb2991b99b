"""The scores of an index are those of plain counting; a map puts what is alike together."""

from __future__ import annotations

import csv
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.neighbors import NearestNeighbors

from tonewheel.core.errors import InputError
from tonewheel.systems.similar import trials
from tonewheel.systems.similar.api import Index
from tonewheel.systems.similar.backbones.hand import Hand
from tonewheel.systems.similar.evaluate import Scores, evaluate, read_labels, right_neighbours
from tonewheel.systems.similar.layout import on_a_plane
from tonewheel.systems.similar.picture import draw_map


@pytest.fixture(scope="module")
def index(invented: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Index:
    path = tmp_path_factory.mktemp("evaluate") / "music.index"
    invented.library(20, noise=3.0).save(path)
    return Index.open(path)


def styles_csv(folder: Path, index: Index) -> Path:
    path = folder / "styles.csv"
    with path.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["path", "label"])
        writer.writerows([track, track.split("/")[0]] for track in index.tracks)
    return path


def test_the_report_holds_every_table(index: Index, tmp_path: Path) -> None:
    scores = evaluate(index, "music.index", tmp_path / "report", styles_csv(tmp_path, index))
    assert scores.classes == 3
    ours, *_, chance = scores.lines
    assert ours.method == "hand"
    assert chance.method == "chance"
    assert ours.precision_at_5.value > 0.6 > 0.5 > chance.precision_at_5.value
    assert ours.nmi > chance.nmi
    assert scores.use["The first ten"] == {"lists": 60.0, "copies": 0.0, "most_of_an_artist": 2.0}
    assert Scores.read(tmp_path / "report" / "scores.json") == scores
    page = (tmp_path / "report" / "index.html").read_text()
    assert page.count("<img") == 1
    assert "MAP@R" in (tmp_path / "report" / "scores.md").read_text()
    by_artist = evaluate(index, "music.index", tmp_path / "artists")
    assert by_artist.labels == "artists"
    assert by_artist.classes == 12


def test_without_artists_the_rest_is_measured(invented: ModuleType, tmp_path: Path) -> None:
    tracks = [invented.heard(f"{n}.wav", row, 0) for n, row in enumerate(invented.vectors(12, 0, 1))]
    scores = evaluate(Index.of(tracks, Path("/"), Hand()), "music.index", tmp_path)
    assert scores.lines == ()
    assert scores.use["The first ten"]["lists"] == 12
    for report in ("scores.md", "index.html"):
        assert "No two artists have four tracks each" in (tmp_path / report).read_text()


def test_precision_is_that_of_scikit_learn(index: Index) -> None:
    rows = index.vectors.vectors
    labels = np.array([track.split("/")[0] for track in index.tracks])
    found = NearestNeighbors(n_neighbors=6, metric="cosine").fit(rows).kneighbors(rows)[1][:, 1:]
    right = (labels[found] == labels[:, None]).mean(axis=1)
    _, numbers = np.unique(labels, return_inverse=True)
    np.testing.assert_allclose(right_neighbours(rows, numbers), right)


def test_tracks_of_one_artist_do_not_count_for_each_other() -> None:
    rows = np.eye(4, dtype=np.float32)
    rows[1] = rows[0]
    labels = np.array([0, 0, 1, 1])
    assert right_neighbours(rows, labels, k=1)[0] == 1.0
    assert right_neighbours(rows, labels, ["a", "a", "b", "c"], k=1)[0] == 0.0


def test_labels_that_cannot_be_used_are_said(index: Index, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    for text, message in (
        ("file,style\na,b\n", "needs the columns"),
        ("path,label\nnowhere.wav,dub\n", "names no track"),
        ('path,label\n"a', "unexpected end"),
        (f"path,label\n{index.tracks[0]},dub\n", "two are needed"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            evaluate(index, "music.index", tmp_path / "none", path)
    assert not (tmp_path / "none").exists()
    with pytest.raises(InputError, match="No such file"):
        read_labels(tmp_path / "missing.csv", index)


def test_the_styles_confidence_is_kept_on_tracks_that_were_held_out(index: Index) -> None:
    found = trials.style_calibration(index)
    assert found["n"] == 120
    assert found["accuracy"] > 0.7
    assert found["ece"] < 0.12


def test_paths_rise(index: Index) -> None:
    found = trials.paths(index)
    assert found["paths"] > 30
    assert found["spearman"] > 0.8


def test_searching_takes_no_time_to_speak_of(index: Index) -> None:
    assert 0 < trials.latency_ms(index, 20)["p50_ms"] < 50


def test_the_map_keeps_styles_together(index: Index) -> None:
    from tonewheel.systems.similar.clusters import kmeans

    rows = index.vectors.vectors
    places = on_a_plane(rows)
    assert places.shape == (60, 2)
    assert np.abs(places).max() == pytest.approx(1.0)
    np.testing.assert_array_equal(places, on_a_plane(rows))
    found = kmeans(places, 3, np.random.default_rng(0))
    labels = [track.split("/")[0] for track in index.tracks]
    assert adjusted_mutual_info_score(labels, found) > 0.5


def test_small_maps_do_not_fail(invented: ModuleType) -> None:
    for count in range(1, 7):
        assert np.isfinite(on_a_plane(invented.vectors(count, 0, 1))).all()
    twins = np.repeat(invented.vectors(1, 0, 1), 5, axis=0)
    assert np.isfinite(on_a_plane(twins)).all()


def test_a_map_writes_names_as_they_are(invented: ModuleType) -> None:
    tracks = [invented.heard(f"$x^{n}$\x1b.wav", row, 0) for n, row in enumerate(invented.vectors(5, 0, 1))]
    made = Index.of(tracks, Path("/"), Hand())
    figure = draw_map(made, {tracks[0].entry.track: tracks[0].entry.track})
    assert "\x1b" not in figure.axes[0].texts[0].get_text()
    figure.savefig("/dev/null", format="png")


def test_a_map_shows_the_labels_it_is_given(index: Index) -> None:
    def legend(**options: dict[str, str]) -> list[str]:
        return [text.get_text() for text in draw_map(index, **options).axes[0].get_legend().get_texts()]

    assert legend() == sorted({track.split("/")[0] for track in index.tracks})
    assert legend(labels={track: f"band {n % 25:02}" for n, track in enumerate(index.tracks)})[:2] == [
        "other",
        "band 00",
    ]
    assert legend(labels={}) == ["tracks"]
