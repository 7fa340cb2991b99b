"""`tonewheel stems ingest` and `tonewheel feedback`: what a person types, what comes out, the exit status."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tonewheel.cli.main import main
from tonewheel.core.pseudonyms import KEY_FILE
from tonewheel.feedback import delivery
from tonewheel.feedback.delivery import Courier, Delivery
from tonewheel.feedback.store import FILE

Make = Callable[..., dict[str, Any]]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["--quiet", *map(str, words)])
        out, err = capfd.readouterr()
        return int(left.value.code or 0), out, err

    return run


def test_the_way_of_a_snapshot(service: Any, snapshot: Make, tmp_path: Path, run: Run) -> None:
    first, second, third = (snapshot() for _ in range(3))
    (tmp_path / "one.json").write_text(json.dumps(first, indent=2))
    (tmp_path / "more.jsonl").write_text(f"{json.dumps(second)}\n\n{{broken\n{json.dumps(third)}\n")
    url = f"{service.url}/stem-separation"
    status, out, err = run(
        "feedback", "send", tmp_path / "one.json", tmp_path / "more.jsonl", "--to", url, "--json"
    )
    assert status == 2, "one line was left out"
    assert [json.loads(line)["acknowledged"] for line in out.splitlines()] == [True] * 3
    assert "more.jsonl:3: not JSON" in err
    assert "3 sent, 1 not" in err

    kept = ("--store", service.store.folder)
    status, out, _ = run("feedback", "list", *kept, "--json")
    listed = [json.loads(line) for line in out.splitlines()]
    assert (status, len(listed)) == (0, 3)
    assert {one["kind"] for one in listed} == {"stems"}
    receipt = service.store.pseudonyms.of(second["id"])
    for own_id in (second["id"], second["id"].upper(), receipt):
        status, out, _ = run("feedback", "list", *kept, "--id", own_id)
        assert (status, out.count("\n"), receipt in out) == (0, 1, True)

    exported = tmp_path / "kept.jsonl"
    assert run("feedback", "export", *kept, "--kind", "stems", "-o", exported)[0] == 0
    assert len(exported.read_text().splitlines()) == 3
    status, _, err = run("feedback", "export", *kept, "-o", exported)
    assert (status, "exists already" in err) == (2, True)
    assert run("feedback", "export", *kept, "-o", exported, "--id", receipt, "--force")[0] == 0
    assert [json.loads(line)["id"] for line in exported.read_text().splitlines()] == [receipt]
    assert run("feedback", "export", *kept, "-o", "-")[1].count("\n") == 3

    status, out, _ = run("feedback", "delete", *kept, "--id", second["id"], "--id", "unknown", "--json")
    assert (status, json.loads(out)) == (0, {"deleted": 1})
    assert run("feedback", "delete", *kept, "--id", second["id"])[0] == 1
    assert run("feedback", "list", *kept, "--id", second["id"])[0] == 1
    assert run("feedback", "delete", *kept, "--older-than-days", "1")[0] == 1
    assert run("feedback", "delete", *kept, "--older-than-days", "0")[0] == 0
    assert run("feedback", "delete", *kept, "--older-than-days", "1e12")[0] == 1, "before there were dates"
    status, out, err = run("feedback", "export", *kept, "-o", tmp_path / "none.jsonl", "--json")
    assert (status, out, "nothing was written" in err) == (1, "", True)
    assert not (tmp_path / "none.jsonl").exists()


def test_files_that_cannot_be_sent_are_told_and_the_others_go_on(
    service: Any, snapshot: Make, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "one.json").write_text(json.dumps(snapshot()))
    files = (tmp_path / "gone.json", tmp_path, tmp_path / "one.json")
    status, out, err = run("feedback", "send", *files, "--to", f"{service.url}/stem-separation")
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] == "1 sent, 2 not"
    assert "gone.json: No such file" in err
    status, _, err = run("feedback", "send", files[-1], "--to", f"{service.url}/elsewhere")
    assert (status, "not sent: " in err, "404" in err) == (2, True, True)


def test_where_nobody_answers_only_the_first_is_waited_for(
    snapshot: Make, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[bytes] = []

    def refused(_: Courier, body: bytes) -> tuple[Delivery, float]:
        attempts.append(body)
        return Delivery(False, 0, "refused"), 0.0

    monkeypatch.setattr(Courier, "_attempt", refused)
    monkeypatch.setattr(delivery, "LONGEST_PAUSE_S", 0.0)
    (tmp_path / "three.jsonl").write_text("".join(json.dumps(snapshot()) + "\n" for _ in range(3)))
    status, _, err = run("feedback", "send", tmp_path / "three.jsonl", "--to", "http://127.0.0.1:1/")
    assert (status, err.count("not sent: refused")) == (2, 3)
    assert len(attempts) == delivery.ATTEMPTS + 2


def test_a_database_that_cannot_be_leaves_no_store(tmp_path: Path, run: Run) -> None:
    status, _, err = run(
        "stems", "ingest", "--store", tmp_path / "s", "--port", "0", "--database", "mysql://a/b"
    )
    assert (status, "PostgreSQL" in err) == (2, True)
    assert not (tmp_path / "s").exists()


def test_mistakes_are_one_line_and_status_2(tmp_path: Path, run: Run) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "short").write_text("secret\n")
    (tmp_path / "empty").write_text("# none\n")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        ingest = ("stems", "ingest", "--store", tmp_path / "store", "--port")
        for words, told in (
            ((*ingest, port), "in use"),
            ((*ingest, "0", "--host", "no such host"), "no such host"),
            ((*ingest, "0", "--origin", "*"), "is no origin"),
            ((*ingest, "0", "--key-file", tmp_path / "short"), "16 or more"),
            ((*ingest, "0", "--key-file", tmp_path / "empty"), "holds no key"),
            ((*ingest, "0", "--key-file", tmp_path / "none"), "No such file"),
            ((*ingest, "0", "--database", "mysql://a/b"), "PostgreSQL"),
            (("stems", "ingest", "--port", "0", "--store", tmp_path / "file"), "is a file"),
            (("feedback", "list", "--store", tmp_path / "none"), "is no store"),
            (("feedback", "delete", "--store", tmp_path / "none"), "of which id"),
            (
                ("feedback", "export", "--store", tmp_path, "--kind", "stem", "-o", "x"),
                'did you mean "stems"',
            ),
            (("feedback", "send", tmp_path / "none", "--to", "http://127.0.0.1:1/"), "No such file"),
            (("feedback", "send", tmp_path / "file", "--to", "nowhere"), "is no URL"),
        ):
            status, out, err = run(*words)
            assert (status, out) == (2, ""), words
            assert told in err, err
            assert "Traceback" not in err
            assert "this is a bug" not in err
    assert not (tmp_path / "store" / FILE).exists() or (tmp_path / "store" / KEY_FILE).exists()


def test_help_names_the_verbs(run: Run) -> None:
    assert "\n  ingest " in run("stems", "--help")[1]
    listed = run("feedback", "--help")[1]
    assert all(f"\n  {verb} " in listed for verb in ("list", "export", "delete", "send"))
    assert "\n  feedback " in run("--help")[1]
