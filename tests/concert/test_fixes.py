"""What a person knows about a show holds, and costs only the surroundings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.concert.made_shows import Floats, heard_of, pack_of, songs_of

from tonewheel.core.errors import InputError
from tonewheel.systems.concert.decode.emission import Emission
from tonewheel.systems.concert.decode.fixes import Fix, check_apart, parse_fix, step_of
from tonewheel.systems.concert.decode.order import Planned
from tonewheel.systems.concert.decode.states import states_of
from tonewheel.systems.concert.decode.sweep import BLOCK, Decoder


@pytest.fixture(scope="module")
def long_show() -> Decoder:
    chains = songs_of(8, dict.fromkeys("abcdefgh", 90))
    stretches: list[Floats | int] = []
    for name in "abcdefgh":
        stretches += [25, chains[name][0]]
    return Decoder(
        states_of(pack_of(chains), [Planned(song=song) for song in "abcdefgh"]),
        Emission(),
        heard_of(*stretches, noise=0.2),
    )


@settings(max_examples=4, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*"abcdefgh", "no song", "unknown song"]), st.integers(0, 400), st.integers(0, 90)
        ),
        max_size=3,
    )
)
def test_decoding_again_after_a_fix_equals_decoding_everything(
    long_show: Decoder, drawn: list[tuple[str, int, int]]
) -> None:
    fixes: list[Fix] = []
    for label, start_s, length_s in drawn:
        if all(start_s >= fix.end_s + 2 or start_s + length_s + 2 <= fix.start_s for fix in fixes):
            fixes.append(Fix(label=label, start_s=start_s, end_s=start_s + length_s))
    made = long_show.decode()
    for count in range(1, len(fixes) + 1):  # one after the other, as a person does
        made = long_show.again(made, fixes[:count])
    whole = long_show.decode(fixes)
    np.testing.assert_allclose(made.posterior, whole.posterior, atol=2e-3)
    assert np.mean(made.path == whole.path) > 0.999


def test_a_fix_holds_and_only_its_surroundings_are_decoded_again(long_show: Decoder) -> None:
    made = long_show.decode()
    fix = Fix(label="h", start_s=190.0, end_s=230.0)  # in truth the fourth song
    again = long_show.again(made, [fix])
    first, end = step_of(190.0, 0.5), step_of(230.0, 0.5)
    told = np.array([long_show.states.label_of(int(state)) for state in again.path])
    assert (told[first:end] == 7).all()
    assert told[first - 1] != 7
    assert told[end] != 7
    assert again.posterior[first:end, 7].min() > 0.999
    assert again.blocks_done < long_show.steps / BLOCK / 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Intro", "SONG@START-END"),
        ("@1-2", "SONG@START-END"),
        ("Intro@2:00-1:00", "ends at 60 s"),
        ("Intro@soon", "is no time"),
        ("Intor@1-2", 'did you mean "Intro"'),
        ("Intro@-5-3", "is no time"),
    ],
)
def test_a_fix_that_cannot_be_is_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_fix(text, ["Intro", "Outro"])


def test_fixes_that_contradict_each_other_are_refused() -> None:
    one, other = parse_fix("Intro@10-20", ["Intro", "Outro"]), parse_fix("Outro@15-30", ["Intro", "Outro"])
    with pytest.raises(InputError, match="overlap"):
        check_apart([one, other])
    check_apart([one, parse_fix("Outro@20-30", ["Intro", "Outro"]), parse_fix("intro@12", ["Intro"])])
