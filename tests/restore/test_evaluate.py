"""Evaluation: figures that are what they say, tables of every case, a killed run that continues."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tonewheel.core.errors import InputError
from tonewheel.systems.restore import trials
from tonewheel.systems.restore.baselines import chains, oracle
from tonewheel.systems.restore.benchmark import case, items
from tonewheel.systems.restore.clean import Cleaner
from tonewheel.systems.restore.clicks.declicker import Click
from tonewheel.systems.restore.evaluate import evaluate, rows
from tonewheel.systems.restore.prepare import Prepared


def test_a_perfect_cleaning_has_perfect_figures(prepared: Prepared) -> None:
    item = next(items(prepared, "valid", case("hiss20")))
    where = zip(item.impulses.starts_s.tolist(), item.impulses.widths_s.tolist(), strict=True)
    clicks = [Click(start_s=start, width_s=width, peak=1, chance=1) for start, width in where]
    one = trials.figures(item, item.clean, clicks, "perfect")
    assert one.si_sdr_db == trials.CEILING_DB
    assert (one.lsd_db, one.loudness_change_lu, one.polarity) == (0.0, 0.0, 1.0)
    assert (one.removal, one.removal_big, one.preservation) == (1.0, 1.0, 1.0)
    assert one.found == one.matched == one.impulses > 500
    assert one.big == one.big_matched > 50


def test_doing_nothing_removes_nothing_and_a_turned_signal_is_told(prepared: Prepared) -> None:
    item = next(items(prepared, "valid", case("clicks")))
    nothing = trials.figures(item, item.damaged, None, "nothing")
    assert nothing.removal == nothing.removal_big == 0.0
    assert nothing.found is None
    assert nothing.musicality is None
    assert 12 < nothing.si_sdr_db < 18
    assert trials.figures(item, -item.clean, None, "turned").polarity == -1.0
    assert trials.figures(item, item.clean * 0.5, None, "quiet").loudness_change_lu == pytest.approx(
        -6.02, abs=0.01
    )


def test_the_cleaner_is_judged_by_what_it_tells(prepared: Prepared, cleaner: Cleaner) -> None:
    item = next(items(prepared, "valid", case("clicks")))
    one = trials.trial(item, trials.ours(cleaner))
    assert one.found is not None
    assert one.found > 0
    assert one.matched / one.found > 0.5, "what stands out above 0.8 is a click"
    oracles = trials.figures(item, oracle.cleaned(item), None, "oracle")
    assert oracles.si_sdr_db > one.si_sdr_db
    assert [row.recall for row in rows([one, oracles])] == [
        pytest.approx(one.matched / one.impulses, abs=1e-4),
        None,
    ]


def test_tables_hold_every_case_and_a_killed_run_continues(
    prepared: Prepared, cleaner: Cleaner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, str]] = []
    honest = trials.trial

    def counted(item: trials.Item, method: trials.Method) -> trials.Trial:
        ran.append((item.case.name, method.name))
        if len(ran) == 4:
            raise KeyboardInterrupt
        return honest(item, method)

    monkeypatch.setattr("tonewheel.systems.restore.evaluate.trial", counted)
    with pytest.raises(KeyboardInterrupt):
        evaluate(prepared, cleaner, tmp_path, cases=["clicks", "drums", "real"], baselines=False)
    kept = len((tmp_path / "trials" / "clicks.jsonl").read_text().splitlines())
    assert kept == 3
    assert not (tmp_path / "scores.json").exists()
    scores = evaluate(prepared, cleaner, tmp_path, cases=["clicks", "drums", "real"], baselines=False)
    assert len(ran) == 4 + 3 + 2
    assert [one.case for one in scores.cases] == ["clicks", "drums"]
    assert [row.method for row in scores.cases[0].rows] == ["do nothing", "tonewheel", "oracle"]
    assert scores.cases[0].rows[0].si_sdr_db.groups == 2
    assert scores.cases[1].rows[0].si_sdr_db.value == trials.CEILING_DB
    assert scores.real is not None
    assert not scores.real.discs
    text = (tmp_path / "scores.md").read_text()
    assert "| **tonewheel** |" in text
    assert "### real: real surface noise" in text
    assert json.loads((tmp_path / "scores.json").read_text())["split"] == "test"
    assert (tmp_path / "index.html").read_text().count("<audio") == 4
    with pytest.raises(InputError, match="another split, seed"):
        evaluate(prepared, cleaner, tmp_path, cases=["clicks"], seed=1, baselines=False)
    ran.clear()
    monkeypatch.setattr(cleaner.declicker, "fingerprint", "other weights", raising=False)
    evaluate(prepared, cleaner, tmp_path, cases=["clicks"], baselines=False)
    assert ran == [("clicks", "tonewheel")] * 2


def test_missing_programs_leave_their_rows_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert [one.name for one in trials.methods("hiss10", None, True)] == ["do nothing", "oracle"]
    assert len(trials.missing("hiss10")) == len(chains.baselines("hiss10")) - 1
    assert np.isfinite(trials.CEILING_DB)
