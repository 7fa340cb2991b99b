"""Reports and pages: right, whole, and safe to open whatever the names are."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.gates import html
from tonewheel.gates.base import Finding, Gate, Verdict, discover
from tonewheel.gates.licence import LicenceGate
from tonewheel.gates.report import Report, check
from tonewheel.manifest.tracks import Quarantined, Track

HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(1)>"'><svg/onload=alert(1)>\x00\u202egpj.exe"""


class Tags(HTMLParser):
    """Collects what a browser would see as tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in ("meta", "img", "br", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def everything(text: str) -> str:
    verdict = Verdict(
        gate=text, passed=False, value=1, limit=0, detail=text, findings=(Finding(path=text, reason=text),)
    )
    left_out = Quarantined(path=text, reason=text, line=3)
    report = Report(title=text, verdicts=(verdict,), quarantined=(left_out,), facts={text: text})
    png = b"\x89PNG\r\n\x1a\n" + b"0" * 20
    parts = [
        html.section(
            text,
            text,
            html.table([text], [[text], [None], [float("nan")], [True], [3]], caption=text),
            html.figure(png, caption=text, alt=text),
            html.player(b"RIFF", caption=text),
            html.cards([(text, text, text)]),
            html.details(text, text),
            html.badge(True, yes=text),
        ),
        text,
    ]
    return report.html() + html.page(text, parts, lead=text, footer=text)


def test_hostile_names_stay_text() -> None:
    text = everything(HOSTILE)
    found = Tags(text)
    assert not {"script", "svg", "iframe", "object", "link"} & set(found.tags)
    assert not [name for name in found.attributes if name.startswith("on")]
    assert found.tags.count("img") == 1
    assert "alert(1)" in found.text
    assert found.open == []
    assert "\u202e" not in text
    assert "\x00" not in text


@given(st.text(max_size=60))
def test_any_text_makes_a_whole_page_that_can_be_written(text: str) -> None:
    page = everything(text)
    assert Tags(page).open == []
    page.encode("utf-8")


def test_a_page_fetches_nothing() -> None:
    page = everything("a name")
    assert set(re.findall(r"(?:src|href)=(.{6})", page)) == {'"data:'}
    assert "default-src 'none'" in page
    assert "url(" not in page


def test_a_matplotlib_figure_is_embedded() -> None:
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(1, 1))
    drawing.subplots().plot([0, 1])
    assert "data:image/png;base64,iVBOR" in html.figure(drawing, caption="a line")


def test_what_is_no_picture_or_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="PNG"):
        html.figure(b"<svg>")
    with pytest.raises(ValueError, match="mime"):
        html.player(b"", mime='audio/wav" onplay="x')


@pytest.mark.parametrize(
    ("passed", "left_out", "status"), [(True, False, 0), (False, False, 1), (True, True, 1), (False, True, 1)]
)
def test_the_exit_status_tells_failure_and_what_was_left_out(
    passed: bool, left_out: bool, status: int
) -> None:
    verdict = Verdict(gate="g", passed=passed, value=0, limit=0, detail="")
    quarantined = (Quarantined(path="a", reason="b"),) if left_out else ()
    assert Report(title="t", verdicts=(verdict,), quarantined=quarantined).exit_status == status


def test_a_report_is_written_for_machines_and_people(tmp_path: Path) -> None:
    tracks = [
        Track(path="a.ogg", licence="CC0", split="train"),
        Track(path="b.ogg", licence="CC BY-NC", split="train"),
    ]
    report = check([LicenceGate()], tracks, tmp_path, title="Show")
    machine, page = report.write(tmp_path / "check.html")
    assert (machine.name, page.name) == ("check.json", "check.html")
    saved = json.loads(machine.read_text())
    assert saved["passed"] is False
    assert saved["verdicts"][0]["findings"][0]["path"] == "b.ogg"
    assert saved["facts"]["licence.splits"] == ["train", "valid"]
    assert "NonCommercial" in page.read_text()


def test_many_findings_are_cut_on_the_page_only() -> None:
    findings = tuple(Finding(path=f"{n}.ogg", reason="bad") for n in range(500))
    verdict = Verdict(gate="g", passed=False, value=500, limit=0, detail="", findings=findings)
    report = Report(title="t", verdicts=(verdict,))
    assert "and 300 more" in report.html()
    assert len(report.to_dict()["verdicts"][0]["findings"]) == 500


class Broken(Gate):
    name = "broken"

    def check(self, tracks: object, root: object) -> Verdict:
        raise InputError("somewhere", "cannot be read")


def test_a_gate_that_cannot_work_has_failed_and_the_others_go_on() -> None:
    report = check([Broken(), LicenceGate()], [], ".")
    assert [verdict.passed for verdict in report.verdicts] == [False, True]
    assert "somewhere: cannot be read" in report.verdicts[0].detail


@pytest.mark.parametrize("gate", discover().values(), ids=discover())
def test_every_gate_keeps_the_contract(gate: type[Gate], tmp_path: Path) -> None:
    with_defaults = gate()
    assert gate.from_json(with_defaults.to_json()) == with_defaults
    assert gate.__doc__
    for tracks in ([], [Track(path="missing.ogg", title=HOSTILE, split="train", licence=HOSTILE)]):
        verdict = with_defaults.check(tracks, tmp_path)
        assert verdict.gate == gate.name
        assert verdict.detail
        assert Verdict.from_json(verdict.to_json()) == verdict
    assert with_defaults.check([], tmp_path).passed
