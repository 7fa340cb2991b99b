"""The evaluation of the separator: its figures are the metric's, it continues where it was killed, a page is there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tonewheel.cli.main import main
from tonewheel.core.errors import InputError
from tonewheel.core.records import read_jsonl
from tonewheel.metrics.separation import References, global_sdr_db, overall, stem_si_sdr_db
from tonewheel.systems.stems import evaluate as module
from tonewheel.systems.stems.evaluate import ALL, Scores, evaluate, gaps
from tonewheel.systems.stems.masker import NetMasker
from tonewheel.systems.stems.references import multitracks
from tonewheel.systems.stems.trials import FLOOR, ORACLE, OURS, Trial, masked

RATE = 44_100


@pytest.fixture(scope="module")
def whole(songs: Path, masker: NetMasker, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scores, Path]:
    """An evaluation that nobody interrupted."""
    out = tmp_path_factory.mktemp("whole")
    return evaluate(songs, masker, out, bss=False), out


def timeless(scores: Scores) -> dict[str, object]:
    return {**scores.to_dict(), "times_real_time": None}


def test_the_figures_are_those_of_the_metric(songs: Path, masker: NetMasker, tmp_path: Path) -> None:
    evaluate(songs, masker, tmp_path, songs=1)
    song = next(multitracks(songs))
    right, found = song.folded(4)[:, :1], masked(masker)(song, 4)[:, :1]
    medians = References(right, RATE).evaluate(found).medians_db()
    sdr, si_sdr = global_sdr_db(right, found), stem_si_sdr_db(right, found)
    told = [one for one in read_jsonl(tmp_path / "trials" / "trials.jsonl", Trial) if one.method == OURS]
    assert [one.stem for one in told] == ["vocals", "drums", "bass", "other"]
    for at, one in enumerate(told):
        assert (one.sdr_db, one.si_sdr_db) == pytest.approx((sdr[at], si_sdr[at]), abs=1e-3)
        figures = (one.sdr_v4_db, one.isr_v4_db, one.sir_v4_db, one.sar_v4_db)
        assert figures == pytest.approx(medians[at], abs=1e-3)
        assert one.overall == pytest.approx(overall(medians[at, 0], medians[at, 2], medians[at, 3]), abs=1e-3)
    assert "### BSSEval v4" in (tmp_path / "scores.md").read_text()


def test_means_are_over_songs_and_the_gap_is_of_means(whole: tuple[Scores, Path]) -> None:
    scores, out = whole
    assert (scores.songs, scores.seconds, scores.fold) == (3, 3.0, 4)
    trials = list(read_jsonl(out / "trials" / "trials.jsonl", Trial))
    rows = {(one.method, one.stem): one for one in scores.rows}

    def mean(method: str, stem: str) -> float:
        return float(np.mean([t.sdr_db for t in trials if (t.method, t.stem) == (method, stem)]))

    for (method, stem), one in rows.items():
        if stem != ALL:
            assert one.sdr_db.value == pytest.approx(mean(method, stem), abs=1e-6)
            assert one.songs == 3
    four = [rows[OURS, stem].sdr_db.value for stem in ("vocals", "drums", "bass", "other")]
    assert rows[OURS, ALL].sdr_db.value == pytest.approx(np.mean(four))
    assert ("low-pass", ALL) not in rows, "who claims one stem has no average"
    low, high = mean(FLOOR, "bass"), mean(ORACLE, "bass")
    assert scores.gap["bass"] == pytest.approx((mean(OURS, "bass") - low) / (high - low), abs=1e-4)
    assert gaps([one for one in trials if one.method != FLOOR], ["bass"]) == {}


def test_a_killed_evaluation_goes_on_where_it_was(
    songs: Path,
    masker: NetMasker,
    whole: tuple[Scores, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[str] = []
    real = module.trials

    def until_killed(track: module.Multitrack, *rest: object) -> list[Trial]:
        heard.append(track.title)
        if heard == ["One", "Three"]:
            raise KeyboardInterrupt
        return real(track, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "trials", until_killed)
    with pytest.raises(KeyboardInterrupt):
        evaluate(songs, masker, tmp_path, bss=False)
    assert not (tmp_path / "scores.json").exists(), "no result of half the songs"
    scores = evaluate(songs, masker, tmp_path, bss=False)
    assert heard == ["One", "Three", "Three", "Two"]
    assert timeless(scores) == timeless(whole[0])
    assert timeless(Scores.read(tmp_path / "scores.json")) == timeless(scores)
    # Of fewer songs and other weights: what others made of them is kept, what ours made is not told of these.
    assert evaluate(songs, NetMasker(masker.network, "others"), tmp_path, bss=False, songs=1).songs == 1
    assert heard[4:] == ["One"]
    with pytest.raises(InputError, match="other songs or settings"):
        evaluate(songs, masker, tmp_path, bss=True)


def test_the_page_holds_the_tables_the_charts_and_the_sounds(whole: tuple[Scores, Path]) -> None:
    _, out = whole
    text = (out / "index.html").read_text()
    for told in (
        OURS,
        FLOOR,
        ORACLE,
        "average SDR",
        "Look and listen: One",
        "data:audio/mpeg",
        "data:image/png",
    ):
        assert told in text
    assert "http://" not in text
    assert "https://" not in text


def test_the_command_measures_without_weights(
    songs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["-q", "stems", "evaluate", str(songs), "-o", str(tmp_path), "--no-ours", "--no-bss"]
    with pytest.raises(SystemExit) as left:
        main([*arguments, "--songs", "1", "--json"])
    assert left.value.code == 0
    told = json.loads(capfd.readouterr().out)
    assert {one["method"] for one in told["rows"]} >= {FLOOR, ORACLE, "HPSS"}
    assert told["gap"] == {}
    for wrong, reason in ((["--stems", "3"], "6, 4 or 2"), (["--weights", "none"], "none")):
        with pytest.raises(SystemExit) as left:
            main([*(one for one in arguments if one != "--no-ours"), *wrong])
        assert left.value.code == 2
        assert reason in capfd.readouterr().err


def test_a_folder_that_holds_no_songs_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "mistaken").mkdir()
    for given in ("mistaken", "nowhere"):
        with pytest.raises(InputError):
            evaluate(tmp_path / given, None, tmp_path / "report")
    assert not (tmp_path / "report").exists(), "or the right folder would be refused as other songs"
