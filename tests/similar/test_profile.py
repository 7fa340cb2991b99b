"""Profiles of collections whose styles are known, their pictures, and the command with hostile folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from msgspec.structs import replace
from sklearn.metrics import adjusted_rand_score, silhouette_score
from typer.testing import CliRunner

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.systems.similar.clusters import LEAST_SPREAD, group, kmeans, silhouette
from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.names import WORDS
from tonewheel.systems.similar.profile import Profile, make_profile
from tonewheel.systems.similar.profile_commands import profile
from tonewheel.systems.similar.profile_page import page_of
from tonewheel.systems.similar.profile_picture import plane

STYLES = {
    "trance": (138, 3000, 6.0, -8, True),
    "ambient": (80, 700, 0.2, -20, True),
    "folk": (104, 1500, 0.3, -14, False),
}
APP = typer.Typer()
APP.command()(profile)


def track(style: str, number: int) -> Features:
    tempo, bright, pumping, loud, minor = STYLES[style]
    rng = np.random.default_rng([number, len(style)])
    return Features(
        path=f"{style}/{number}.flac",
        content_sha256=f"{style}{number}",
        seconds=200.0,
        tempo_bpm=tempo * 2 ** rng.normal(0, 0.03),
        tempo_confidence=0.9,
        brightness_hz=bright * 2 ** rng.normal(0, 0.15),
        sidechain_depth_db=abs(pumping + rng.normal(0, 0.5)),
        loudness_lufs=loud + rng.normal(0, 1),
        key="A minor" if minor else "C major",
        kick_pattern=(1.0, 0.0, 0.0, 0.0) * 4 if style == "trance" else (0.0,) * 16,
    )


def collection(**counts: int) -> list[Features]:
    return [track(style, number) for style, count in counts.items() for number in range(count)]


def test_the_styles_are_found_counted_and_named() -> None:
    tracks = collection(trance=20, ambient=12, folk=9)
    made = make_profile(tracks, name="mine")
    truth = [one.path.split("/")[0] for one in tracks]
    assert adjusted_rand_score(truth, [one.cluster for one in made.track_metadata]) == 1.0
    assert [cluster.track_count for cluster in made.clusters] == [20, 12, 9]
    first, second, third = made.clusters
    assert "138 BPM" in first.name or "137 BPM" in first.name
    assert {one.word for one in first.distinctive_features} & {"pumping", "four-on-the-floor"}
    assert {"dark", "quiet", "slow"} & {one.word for one in second.distinctive_features}
    assert all(path.startswith("folk/") for path in third.exemplar_tracks)
    assert min(one.score for one in made.track_metadata) > 0.9
    assert made.silhouette > made.silhouette_by_chance
    assert made.warnings == ()


def test_the_profile_is_json_that_reads_back_and_does_not_change() -> None:
    tracks = collection(trance=6, folk=5)
    one, other = make_profile(tracks, name="a"), make_profile(tracks, name="a")
    assert one.to_json() == other.to_json()
    assert Profile.from_json(one.to_json()) == one
    assert {"name", "version", "created_date", "track_count", "feature_statistics", "clusters"} <= set(
        one.to_dict()
    )


def test_statistics_are_those_of_numpy() -> None:
    tracks = collection(trance=8, ambient=8)
    values = np.array([one.brightness_hz for one in tracks])
    found = make_profile(tracks, name="a").feature_statistics["brightness_hz"]
    assert found.mean == pytest.approx(values.mean(), abs=1e-3)
    assert found.std == pytest.approx(values.std(ddof=1), abs=1e-3)
    assert (found.p10, found.p90) == pytest.approx(tuple(np.quantile(values, [0.1, 0.9])), abs=1e-3)
    low, high = found.confidence_interval_95
    assert low < found.mean < high
    matrix = make_profile(tracks, name="a").feature_correlations
    loud = [one.loudness_lufs for one in tracks]
    assert matrix["brightness_hz"]["loudness_lufs"] == pytest.approx(
        np.corrcoef(values, loud)[0, 1], abs=1e-3
    )
    assert matrix["stereo_width"]["tempo_bpm"] is None  # it does not vary


def test_one_style_is_one_cluster_and_a_given_number_is_kept() -> None:
    tracks = collection(folk=30)
    alone = make_profile(tracks, name="a")
    assert len(alone.clusters) == 1
    assert "no clusters were found" in " ".join(alone.warnings)
    assert len(make_profile(tracks, name="a", clusters=4).clusters) == 4


@pytest.mark.parametrize(
    ("tracks", "words"),
    [
        (collection(trance=4, folk=4), "only 8 tracks"),
        (collection(trance=40, folk=4), "lopsided: 40 of 44"),
        (
            [*collection(trance=12, folk=12), replace(track("folk", 3), path="copy.flac")],
            "1 files are copies",
        ),
        (
            [replace(one, tempo_confidence=0.1) for one in collection(folk=24)],
            "the tempo of 24 of 24 tracks is unsure",
        ),
    ],
)
def test_a_collection_that_says_little_is_warned_about(tracks: list[Features], words: str) -> None:
    assert words in " ".join(make_profile(tracks, name="a").warnings)


def test_too_few_tracks_are_refused() -> None:
    with pytest.raises(InputError, match="at least 2 tracks"):
        make_profile(collection(folk=1), name="a")
    with pytest.raises(InputError, match="cannot make 9 clusters"):
        make_profile(collection(folk=4), name="a", clusters=9)


def test_equal_tracks_are_no_reason_to_fail() -> None:
    made = make_profile([track("folk", 1)] * 7, name="a", clusters=3)
    assert sum(cluster.track_count for cluster in made.clusters) == 7


def test_silhouette_and_kmeans_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.normal(centre, 1.0, (30, 4)) for centre in (0, 3, 7)])
    labels = kmeans(rows, 3, generator(0, "test"))
    assert adjusted_rand_score(np.repeat([0, 1, 2], 30), labels) > 0.9
    assert silhouette(rows, labels, rng) == pytest.approx(silhouette_score(rows, labels), abs=1e-9)


def test_noise_has_no_clusters_in_most_draws() -> None:
    found = [len(group(np.random.default_rng(seed).normal(size=(40, 10))).centres) for seed in range(8)]
    assert found.count(1) >= 6


def test_every_measure_has_words_and_the_order_of_the_record() -> None:
    names = list(track("folk", 0).numbers())
    assert names == list(LEAST_SPREAD)
    assert set(names) == set(WORDS)


def test_the_page_shows_clusters_and_trusts_no_name() -> None:
    tracks = [
        replace(one, path=f"<b>$x^{number}$ \u0416.wav")
        for number, one in enumerate(collection(trance=6, folk=5))
    ]
    page = page_of(make_profile(tracks, name="<script>"), tracks)
    assert "<script>" not in page
    assert "<b>$x" not in page
    assert page.count("data:image/png") == 3


def test_the_map_keeps_what_differs_most() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 5)) * [9, 5, 0.1, 0.1, 0.1]
    flat = plane(rows)
    assert abs(np.corrcoef(flat[:, 0], rows[:, 0])[0, 1]) > 0.95
    assert plane(rows[:, :1]).shape == (50, 2)


def audio(folder: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    for number in range(count):
        soundfile.write(folder / f"{number}.wav", 0.1 * rng.standard_normal(24_000), 16_000)


def run(*words: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(APP, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return getattr(done.exception, "exit_status", 99), done.stdout, str(done.exception)
    return done.exit_code, done.stdout, done.stderr


def test_the_command_writes_a_profile_and_a_page(tmp_path: Path) -> None:
    folder, out = tmp_path / "music", tmp_path / "p" / "profile.json"
    folder.mkdir()
    audio(folder, 3)
    status, said, _ = run(folder, "-o", out, "--cache", tmp_path / "cache", "--jobs", 1, "--json")
    assert status == 0
    assert json.loads(said) == json.loads(out.read_text())
    assert out.with_suffix(".html").is_file()
    assert len(list((tmp_path / "cache").rglob("*.json"))) == 3
    status, _, error = run(folder, "-o", out, "--no-cache")
    assert (status, "--force" in error) == (2, True)
    assert run(folder, "-o", out, "--no-cache", "--force", "--jobs", 1)[0] == 0


def test_a_bad_file_is_left_out_and_the_rest_goes_on(tmp_path: Path) -> None:
    audio(tmp_path, 2)
    (tmp_path / "text.mp3").write_text("no sound at all")
    (tmp_path / "empty.wav").touch()
    status, said, error = run(tmp_path, "-o", tmp_path / "profile.json", "--no-cache", "--jobs", 1, "--json")
    assert status == 2
    assert json.loads(said)["track_count"] == 2
    assert "left out: text.mp3: is a text file" in error
    assert {one["path"] for one in json.loads(said)["left_out"]} == {"text.mp3", "empty.wav"}


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["nowhere", "-o", "p.json"], "nowhere"),
        ([".", "-o", "p.json"], "holds no audio"),
        ([".", "-o", "p.txt"], "must end in .json"),
        ([".", "-o", "p.json", "--tempo-prior", "0"], "tempo prior: must be 55 to 215 BPM"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], answer: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, error = run(*words)
    assert status == 2
    assert answer in error
    assert list(tmp_path.iterdir()) == []
