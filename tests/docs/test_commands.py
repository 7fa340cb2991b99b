"""Every command, link and file of the documents is real: commands are run, or say here why they are not.

Output that a document shows must be what its command prints; figures may move a little with other weights.
`TONEWHEEL_REFRESH_DOCS=1 pytest tests/docs` writes the figures of this run into the documents.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.main import get_command

from tonewheel.cli.app import app
from tonewheel.cli.main import main

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    "README.md",
    "docs/concert.md",
    "docs/commands.md",
    "docs/export.md",
    "docs/README.md",
    "CHANGELOG.md",
)
PARSED_DOCUMENTS = (
    "docs/drums.md",
    "docs/restore.md",
    "docs/similar.md",
    "docs/feedback.md",
    "docs/stems.md",
)
"""What these show is run in the tests of the systems, on recordings that are synthesised there."""
PARSED_ONLY = {
    "tonewheel demo": "takes minutes; tests/cli/test_demo.py and tests/concert/test_demo.py run it smaller",
    "tonewheel concert prepare recordings -o prepared --versions": "renders songs for minutes; tests/concert/"
    "test_versions.py does all of it smaller",
    "tonewheel concert train": "takes minutes; tests/concert/test_train.py trains",
    "--confirmed": "tests/concert/test_flywheel.py goes the whole way",
    "tonewheel concert evaluate": "takes minutes, and needs the weights that `train` makes",
    "tonewheel concert measure": "tests/concert/test_venue.py measures, and runs the command",
    "tonewheel concert adapt": "takes a minute; tests/concert/test_adapt.py runs it smaller",
    "--to coreml": "coremltools is an extra; tests/export/test_parity_contract.py converts where it is",
    "tonewheel drums export": "tests/export/test_parity_contract.py writes every network",
    "tonewheel restore export": "as for drums",
    "tonewheel similar export": "as for drums",
    "tonewheel stems export": "as for drums",
    "--to int8": "as for drums",
    "device": "a test machine has no microphone",
    "--realtime": "would wait as long as the concert lasts",
    "--cue-": "something may listen on that port of this machine; tests/concert/test_cue.py has its own",
    "arecord": "a test machine has no microphone",
    "pip": "tests/house/test_packaging.py looks at the extras; nothing is installed by a test",
    ". .venv": "the tests run inside it",
}
"""Beginnings or parts of commands that are parsed, every option and value, and not run."""
SMALLER = {"tonewheel concert prepare": ("--synth-songs", "0")}
"""What is added to a command so that it ends soon; the last of two options counts."""
MADE = {
    "demo/": "by `make demo`",
    "report/": "by `evaluate`",
    "runs/": "by `train`",
    "stream.json": "by `evaluate --stream`",
    "versions.safetensors": "by `train --versions`",
    "versions.json": "by `evaluate --versions`",
    "versions.md": "by `evaluate --versions`",
    "versions.html": "by `evaluate --versions`",
    "stream.md": "by `evaluate --stream`",
    "stream.html": "by `evaluate --stream`",
    "aligned/": "by `align`",
    "alignment.jams": "by `align`",
    "alignment.json": "by `align`",
    "labels.txt": "by `align`",
    "setlist.cue": "by `align`",
    "setlist.csv": "by `align`",
    "chapters.txt": "by `align`",
    "cache/": "by `align`",
    "venue.json": "by `measure`",
    "venue.html": "by `measure`",
    "hall.pack": "by `adapt`",
    "hall.safetensors": "by `adapt`",
    "concert.safetensors": "by `train`",
    "candidate.safetensors": "by `train`",
    "scores.json": "by `evaluate`",
    "scores.md": "by `evaluate`",
    "index.html": "by `evaluate`",
    "trials/": "by `evaluate`",
}
"""Files of commands that are parsed only."""

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Step(NamedTuple):
    """Commands of one block, and the output that the document shows after them, with its place there."""

    commands: tuple[str, ...]
    shown: str
    at: tuple[int, int]


def steps(text: str) -> Iterator[Step]:
    """The bash blocks of a document in order; a block right after one shows what its last command prints."""
    blocks = list(BLOCK.finditer(text))
    for i, block in enumerate(blocks):
        if block[1] != "bash":
            continue
        lines = (shlex_line(line) for line in block[2].splitlines())
        after = blocks[i + 1] if i + 1 < len(blocks) else None
        follows = (
            after is not None
            and after[1] in ("json", "text")
            and not text[block.end() : after.start()].strip()
        )
        yield Step(
            tuple(line for line in lines if line),
            after[2] if after and follows else "",
            after.span(2) if after and follows else (0, 0),
        )


def shlex_line(line: str) -> str:
    """A line of shell without its remark."""
    return re.sub(r"\s+#\s.*", "", line).strip()


def parse(words: Sequence[str]) -> None:
    """Let the command line parse a command without running it; a wrong option, value or verb raises."""
    command: Any = get_command(app)
    context = command.make_context("tonewheel", ["--quiet"])
    rest = list(words)
    while hasattr(command, "get_command"):
        assert rest, "a command is missing"
        name = rest.pop(0)
        if name.startswith("-"):  # --help, --version
            assert any(name in option.opts for option in command.get_params(context)), name
            return
        command = command.get_command(context, name)
        assert command is not None, f"no command {name}"
    command.make_context(command.name, rest, parent=context)


def run(words: Sequence[str], stdin: bytes, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run `tonewheel` in this process; its exit status."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    with pytest.raises(SystemExit) as left:
        main(["--quiet", *words])
    return int(left.value.code or 0)


def perform(line: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str | None:
    """Run one line as a shell would; what it prints, or None if it is parsed only."""
    skipped = next((reason for part, reason in PARSED_ONLY.items() if part in line), None)
    *before, last = line.split(" | ")
    assert len(before) < 2, line
    words = shlex.split(last)
    if words[0] == "make" or ("make" in words[:2] and "=" in words[0]):
        targets = re.findall(r"^(\w+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
        assert words[-1] in targets, line
        return None
    if words[0] != "tonewheel":
        assert skipped, f"what is this? {line}"
        return None
    stdin = b""
    if "<" in words:
        at = words.index("<")
        stdin = Path(words[at + 1]).read_bytes()
        del words[at : at + 2]
    parse(words[1:])
    if skipped or (before and not shutil.which(shlex.split(before[0])[0])):
        return None
    if before:
        stdin = subprocess.run(shlex.split(before[0]), capture_output=True, check=True).stdout
    smaller = next((more for part, more in SMALLER.items() if line.startswith(part)), ())
    capfd.readouterr()
    status = run([*words[1:], *smaller], stdin, monkeypatch)
    out, err = capfd.readouterr()
    assert status == 0, f"{line}\n{err}"
    return out


def shape(line: str) -> tuple[str, list[float]]:
    """A line with its numbers taken out; of several candidates only the first, as the others may change places."""
    line = re.sub(r'("candidates":\[\{[^}]*\}).*\]', r"\1]", line)
    return NUMBER.sub("#", line), [float(number) for number in NUMBER.findall(line)]


def compare(shown: str, printed: str) -> str:
    """The lines that are shown as they are printed now; AssertionError for one that is not printed so."""
    lines = iter(printed.splitlines())
    now = []
    for line in shown.splitlines():
        pattern, wanted = shape(line)
        found = next((other for other in lines if shape(other)[0] == pattern), None)
        assert found is not None, f"shown, and not printed: {line}\n{printed}"
        if "TONEWHEEL_REFRESH_DOCS" not in os.environ:
            for was, number in zip(wanted, shape(found)[1], strict=True):
                assert abs(was - number) <= 0.1 + 0.15 * abs(was), f"shown: {line}\nprinted: {found}"
        now.append(found + "\n")
    return "".join(now)


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if "```bash" in (REPOSITORY / name).read_text()])
def test_the_commands_of_a_document_do_what_it_says(
    name: str,
    material: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "reader"
    shutil.copytree(material, folder)
    monkeypatch.chdir(folder)
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    refreshed = text
    ran = 0
    for step in steps(text):
        printed: str | None = ""
        for line in step.commands:
            printed = perform(line, monkeypatch, capfd)
            ran += printed is not None
        if step.shown and printed is not None:
            now = compare(step.shown, printed)
            refreshed = refreshed.replace(f"```\n\n```json\n{step.shown}", f"```\n\n```json\n{now}")
            refreshed = refreshed.replace(f"```\n\n```text\n{step.shown}", f"```\n\n```text\n{now}")
    assert ran > 0
    if "TONEWHEEL_REFRESH_DOCS" in os.environ:
        (REPOSITORY / name).write_text(refreshed, encoding="utf-8")


@pytest.mark.parametrize("name", PARSED_DOCUMENTS)
def test_the_commands_of_a_document_can_be_parsed(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for step in steps(text) for line in step.commands if line.startswith("tonewheel")]
    assert len(lines) > 10
    for line in lines:
        parse(shlex.split(line)[1:])


def spans(text: str) -> list[str]:
    """Inline code of a document."""
    return re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_inside_sentences_exist(name: str) -> None:
    group: Any = get_command(app)
    context = group.make_context("tonewheel", ["--quiet"])
    for span in spans((REPOSITORY / name).read_text()):
        words = shlex.split(span)
        if not words or words[0] != "tonewheel":
            continue
        command: Any = group
        for word in words[1:]:
            if not hasattr(command, "get_command") or word.startswith("-"):
                break
            command = command.get_command(context, word)
            assert command is not None, span
        known = {
            option for param in command.get_params(context) for option in (*param.opts, *param.secondary_opts)
        }
        assert {word for word in words if word.startswith("-")} <= known, span


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", [*DOCUMENTS, *PARSED_DOCUMENTS, "CONTRIBUTING.md"])
def test_links_lead_somewhere(name: str) -> None:
    here = REPOSITORY / name
    for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", here.read_text())):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (here.parent / path).resolve() if path else here
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_that_are_named_exist(name: str, material: Path) -> None:
    commands = " ".join(line for step in steps((REPOSITORY / name).read_text()) for line in step.commands)
    for span in spans((REPOSITORY / name).read_text()):
        suffixes = (".md", ".txt", ".toml", ".csv", ".json", ".jsonl", ".html", ".wav", ".safetensors")
        if not re.fullmatch(r"\w[\w.-]*(/[\w.-]+)*/?", span) or not ("/" in span or span.endswith(suffixes)):
            continue
        made = any(span.startswith(one) for one in MADE) or span in commands
        after_prepare = span in ("tracks.jsonl", "ambience.jsonl", "left_out.jsonl")
        places = (REPOSITORY, REPOSITORY / "docs", material, material / "recordings")
        there = any((folder / span).exists() for folder in places)
        assert there or made or after_prepare or span.startswith("check."), span


def test_a_wrong_command_is_found() -> None:
    for words in (
        ["concert", "pak"],
        ["concert", "pack", "tracks", "-o", "a", "--setlits", "b"],
        ["concert"],
    ):
        with pytest.raises((AssertionError, Exception)):
            parse(words)
    with pytest.raises(AssertionError, match="not printed"):
        compare('{"state":"song"}\n', '{"state":"no_song"}\n')
    with pytest.raises(AssertionError, match="printed"):
        compare('{"score":0.9}\n', '{"score":0.2}\n')
