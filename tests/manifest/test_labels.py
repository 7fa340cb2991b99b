"""Audacity label files, there and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.manifest.labels import Segment, read_audacity, write_audacity

TIMES = st.integers(0, 10**9).map(lambda micro: micro / 1e6)
SEGMENTS = st.builds(
    lambda label, start_s, length_s: Segment(
        label=" ".join(label.split()), start_s=start_s, end_s=start_s + length_s
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    TIMES,
    TIMES,
)


@given(st.lists(SEGMENTS, max_size=10))
def test_a_round_trip_keeps_microseconds(
    tmp_path_factory: pytest.TempPathFactory, segments: list[Segment]
) -> None:
    file = tmp_path_factory.mktemp("labels") / "labels.txt"
    write_audacity(file, segments)
    found = read_audacity(file)
    expected = sorted(segments, key=lambda one: (one.start_s, one.end_s))
    assert [one.start_s for one in found] == pytest.approx([one.start_s for one in expected], abs=1e-6)
    assert sorted(one.label for one in found) == sorted(one.label for one in expected)


def test_what_audacity_writes_is_read(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes(b"0.000000\t83.500000\tDark Star\r\n\\\t100.0\t2000.0\r\n83.5\t90\t\r\n\r\n")
    assert [(one.label, one.end_s) for one in read_audacity(file)] == [("Dark Star", 83.5), ("", 90.0)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\tb\tc", "expected start"),
        ("1", "expected start"),
        ("2\t1\tx", "start <= end"),
        ("nan\t1\tx", "start <= end"),
    ],
)
def test_a_line_that_does_not_fit_is_told(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "labels.txt"
    file.write_text(f"0\t1\tfine\n{text}\n")
    with pytest.raises(InputError, match=reason) as caught:
        read_audacity(file)
    assert caught.value.line == 2
