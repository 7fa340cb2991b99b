"""From listening to training: what was confirmed twice or corrected once teaches, and nothing may get worse by it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.concert.conftest import Show

from tonewheel.cli.main import main
from tonewheel.core.errors import InputError
from tonewheel.learn.checkpoint import state_weights
from tonewheel.manifest.song_confirmation import SongConfirmation, agreed, confirmation, parse_confirmation
from tonewheel.systems.concert import regression
from tonewheel.systems.concert.decide import DecisionRule
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.prepare import LivePair, Prepared

RECORDING = "ab" * 32


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        main(["--quiet", *map(str, words)])
    return int(left.value.code or 0)


def pairs_of(folder: Path) -> list[LivePair]:
    return Prepared(folder).pairs


def test_the_whole_way(
    show_file: Path,
    show: Show,
    pack_file: Path,
    tracks: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    once, lines = tmp_path / "once.jsonl", tmp_path / "lines.jsonl"
    assert run("concert", "listen", show_file, "--pack", pack_file, "--confirmations", once) == 0
    lines.write_bytes(once.read_bytes())
    out = ("--pack", pack_file, "-o", tmp_path / "aligned", "--confirmations", lines)
    assert run("concert", "align", show_file, *out) == 0
    assert run("concert", "align", show_file, *out) == 0  # the same once more is not said twice
    said = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [one["verdict"] for one in said] == ["confirmed"] * 6
    assert len({one["witness"] for one in said}) == 2
    assert lines.stat().st_mode & 0o077 == 0, "for its owner only"
    for name in ("Midnight", "Velvet", "Golden", "show.wav", str(tmp_path)):
        assert name not in lines.read_text()

    store, exported = tmp_path / "store", tmp_path / "exported.jsonl"
    add = ("feedback", "add", lines, "--store", store, "--kind", "concert", "--json")
    capsys.readouterr()
    assert run(*add) == 0
    assert json.loads(capsys.readouterr().out) == {"stored": 6, "known": 0, "differs": 0, "refused": 0}
    assert run(*add) == 0
    assert json.loads(capsys.readouterr().out)["known"] == 6
    assert run("feedback", "export", "--store", store, "--kind", "concert", "-o", exported) == 0

    def prepare(name: str, confirmed: Path, *more: object) -> list[LivePair]:
        words = ("--synth-songs", 0, "--confirmed", confirmed, "--recording", show_file, *more)
        assert run("concert", "prepare", tracks, "-o", tmp_path / name, *words) == 0
        return pairs_of(tmp_path / name)

    capsys.readouterr()
    assert prepare("once", once, "--any-licence") == [], "one confirmation is none"
    assert "settles nothing yet: two witnesses must agree" in capsys.readouterr().err
    assert prepare("no licence", exported) == []
    pairs = prepare("twice", exported, "--any-licence")
    assert len(pairs) == len(show.songs)
    assert all(9 <= pair.seconds <= 14 for pair in pairs)
    assert all(pair.track_s >= 2.0 for pair in pairs)

    # One correction is enough, and it overrules what was confirmed of the same moment.
    first = show.songs[0]
    fix = ("--fix", f"Velvet Harbour@{first[1]}-{first[2]}")
    assert run("concert", "align", show_file, *out, *fix) == 0
    corrected = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [one["verdict"] for one in corrected].count("corrected") == 1
    assert run("feedback", "add", lines, "--store", store, "--kind", "concert") == 0
    assert run("feedback", "export", "--store", store, "--kind", "concert", "-o", exported, "--force") == 0
    after = prepare("corrected", exported, "--any-licence")
    assert len(after) == len(show.songs)
    changed = {pair.track for pair in after if pair not in pairs}
    assert len(changed) == 1


def test_only_a_file_is_confirmed_and_rubbish_is_one_line(
    show_file: Path, pack_file: Path, tracks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = tmp_path / "lines.jsonl"
    assert run("concert", "listen", "device", "--pack", pack_file, "--confirmations", lines) == 2
    assert "record the show" in capsys.readouterr().err
    lines.write_text('{"id": "x"}\n\0\n' + "[" * 5000 + "\n")
    for command in (("listen", show_file), ("align", show_file, "-o", tmp_path / "a")):
        for bad in (lines, tmp_path, lines / "in a file"):
            assert run("concert", *command, "--pack", pack_file, "--confirmations", bad) == 2
    assert not (tmp_path / "a").exists(), "it was looked at before the work began"
    assert run("concert", "align", lines, "-o", tmp_path / "a", "--pack", pack_file) == 2
    assert not (tmp_path / "a").exists()
    capsys.readouterr()
    words = ("concert", "prepare", tracks, "-o", tmp_path / "o", "--confirmed", lines)
    assert run(*words, "--recording", show_file) == 2
    assert f"{lines}:1" in capsys.readouterr().err
    assert run(*words) == 2
    assert "--recording" in capsys.readouterr().err
    good = tmp_path / "good.jsonl"
    good.write_text("")
    assert run(*words[:5], "--confirmed", good, "--recording", tmp_path / "gone.wav") == 2
    assert "gone.wav: no such file" in capsys.readouterr().err
    assert run(*words[:5], "--recording", show_file) == 2
    assert "--confirmed" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    assert run("feedback", "add", lines, "--store", tmp_path / "s", "--kind", "concert") == 2
    told = capsys.readouterr().err
    assert [f"{lines}:{number}: " in told for number in (1, 2, 3)] == [True] * 3
    assert run("feedback", "add", tmp_path / "gone", "--store", tmp_path / "t", "--kind", "concert") == 2
    assert run("feedback", "add", lines, "--store", tmp_path / "t", "--kind", "concrete") == 2
    assert 'did you mean "concert"' in capsys.readouterr().err
    assert not (tmp_path / "t").exists()


def said(
    witness: str, start_s: float, end_s: float, track: str, verdict: str = "confirmed"
) -> SongConfirmation:
    names = [track] if track else []
    return confirmation(RECORDING, names, (start_s, end_s), 3.0, verdict, witness)  # type: ignore[arg-type]


def test_what_is_settled() -> None:
    two = [said("a", 10, 50, "x"), said("b", 10.4, 45, "x")]
    (one,) = agreed(two)
    assert (one.start_s, one.end_s, one.track_s, one.corrected) == (10.4, 45, 3.0, False)
    assert list(agreed([two[0], said("a", 10.4, 45, "x")])) == [], "one witness twice is one"
    assert list(agreed([two[0], said("b", 12, 45, "x")])) == [], "another place in the song"
    assert list(agreed([two[0], said("b", 10.4, 45, "y")])) == [], "another song"
    nothing = said("person", 20, 30, "", "corrected")
    assert list(agreed([*two, nothing])) == [], "nothing known was played there"
    right, wrong = said("person", 10, 50, "x", "corrected"), said("person", 30, 60, "y", "corrected")
    assert [found.corrected for found in agreed([*two, right])] == [True]
    assert list(agreed([*two, right, wrong])) == [], "two corrections contradict each other"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40), st.integers(1, 60), st.sampled_from("xy"),
    st.sampled_from(["confirmed", "corrected"])), max_size=8))  # fmt: skip
def test_what_is_settled_never_contradicts_itself(drawn: list[tuple[str, int, int, str, str]]) -> None:
    lines = [said(who, start, start + length, track, verdict) for who, start, length, track, verdict in drawn]
    found = list(agreed(lines))
    assert found == list(agreed([parse_confirmation(one.to_json()) for one in lines]))
    for one in found:
        assert one.start_s < one.end_s
        for line in lines:
            apart = line.end_s <= one.start_s or one.end_s <= line.start_s
            assert apart or line.verdict == "confirmed" or one.corrected


@pytest.fixture(scope="module")
def frozen_file(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frozen") / "regression.npz"
    assert run("concert", "freeze", prepared.folder, "-o", path, "--count", 12) == 0
    return path


def test_a_model_that_drops_on_the_frozen_set_is_refused(
    prepared: Prepared,
    frozen_file: Path,
    embedder: Embedder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frozen = regression.read(frozen_file)
    assert len(frozen.queries) == 12
    assert regression.hold(frozen, embedder, embedder).value == 0

    def spoilt(*words: object, **options: object) -> dict[str, torch.Tensor]:
        """Every sound gets the same embedding."""
        weights = state_weights(*words, **options)  # type: ignore[arg-type]
        return {name: tensor * (not name.startswith("project")) for name, tensor in weights.items()}

    monkeypatch.setattr("tonewheel.systems.concert.train.state_weights", spoilt)
    monkeypatch.setattr("tonewheel.systems.concert.train.fit_rule", lambda *_, **__: DecisionRule())
    monkeypatch.setattr("tonewheel.systems.concert.train.fit_live_limit", lambda *_, **__: 3.0)
    train = ("concert", "train", prepared.folder, "--recipe", "smoke", "--set", "fit.max_steps=2")
    out = tmp_path / "run"
    assert run(*train, "-o", out, "--regression", frozen_file) == 1
    assert "FAILED regression" in capsys.readouterr().err
    assert not (out / "concert.safetensors").exists()
    monkeypatch.setattr("tonewheel.systems.concert.train.state_weights", state_weights)
    own = ("--from", out / "candidate.safetensors", "--set", "fit.learning_rate=1e-9")
    assert run(*train, *own, "-o", tmp_path / "next", "--regression", frozen_file, "--json") == 0
    assert '"gate":"regression","passed":true' in capsys.readouterr().out
    assert (tmp_path / "next" / "concert.safetensors").exists()


def test_a_frozen_set_that_is_none(prepared: Prepared, frozen_file: Path, tmp_path: Path) -> None:
    rubbish = tmp_path / "set.npz"
    for raw in (b"", b"PK\x03\x04rubbish", frozen_file.read_bytes()[:5000]):
        rubbish.write_bytes(raw)
        with pytest.raises(InputError, match="frozen set"):
            regression.read(rubbish)
    np.savez(rubbish, about=np.frombuffer(b'{"titles": [], "kinds": []}', np.uint8))
    with pytest.raises(InputError):
        regression.read(rubbish)
    train = ("concert", "train", prepared.folder, "-o", tmp_path / "run", "--regression", rubbish)
    assert run(*train) == 2
    assert not (tmp_path / "run").exists()
    assert run("concert", "freeze", prepared.folder, "-o", tmp_path / "f.npz", "--split", "train") == 2
