"""Units there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.core.units import amplitude_to_db, db_to_amplitude, format_time_s, parse_time


@given(st.floats(-119.0, 60.0))
def test_decibels_there_and_back(level_db: float) -> None:
    assert amplitude_to_db(db_to_amplitude(level_db)) == pytest.approx(level_db, abs=1e-9)


@given(st.floats(0.0, 1e6))
def test_a_written_time_reads_back_to_a_tenth(time_s: float) -> None:
    assert parse_time(format_time_s(time_s)) == pytest.approx(time_s, abs=0.0501)


@pytest.mark.parametrize("text", ["", "abc", "1:2:3:4", "-5", "1:", "nan", "inf", "1e3"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        parse_time(text)
