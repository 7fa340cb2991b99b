"""The decoder against a dense one written as plainly as possible, and what a show must come out as."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.manifest.setlist import Setlist, parse_song
from tonewheel.systems.concert.decode.emission import Emission, Heard
from tonewheel.systems.concert.decode.fixes import Fix, check_apart, parse_fix, step_of
from tonewheel.systems.concert.decode.order import Planned, order_of, plan_of
from tonewheel.systems.concert.decode.states import States, states_of
from tonewheel.systems.concert.decode.sweep import BLOCK, Decoder
from tonewheel.systems.concert.pack import Pack, Reference

Floats = NDArray[np.float64]
SIZE = 32


def unit(rows: Floats) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def pack_of(chains: dict[str, list[Floats]]) -> Pack:
    """A pack whose windows are the given parts, two hops apart, side by side."""
    embedder = SimpleNamespace(fingerprint="test", window_s=2.0, hop_s=0.5)
    references, rows = [], []
    for song, variants in chains.items():
        for parts in variants:
            windows = unit(np.concatenate([parts[:-2], parts[2:]], axis=1))
            references.append(Reference(song=song, file="", seconds=0.0, windows=len(windows), lufs=None))
            rows.append(windows)
    return Pack.of(references, rows, embedder)  # type: ignore[arg-type]


def songs_of(seed: int, lengths: dict[str, int]) -> dict[str, list[Floats]]:
    rng = np.random.default_rng(seed)
    return {song: [unit(rng.normal(size=(n, SIZE))).astype(np.float64)] for song, n in lengths.items()}


def heard_of(*stretches: Floats | int, noise: float = 0.1, seed: int = 0) -> Heard:
    """Parts of songs as they are, numbers as so many steps of applause; an unknown song is parts of no pack."""
    rng = np.random.default_rng(seed)
    rows, music = [], []
    for stretch in stretches:
        quiet = isinstance(stretch, int)
        parts = rng.normal(size=(stretch, SIZE)) if isinstance(stretch, int) else stretch
        rows.append(unit(parts + noise * rng.normal(size=parts.shape)))
        music.append(np.full(len(parts), -2.0 if quiet else 8.0))
    return Heard(np.concatenate(rows), np.concatenate(music).astype(np.float32))


def dense(states: States) -> tuple[Floats, Floats]:
    """First probabilities and the whole matrix of transitions, from the words of the documentation."""
    habits, songs = states.habits, len(states.songs)
    matrix = np.zeros((states.size, states.size))
    pause, unknown = states.bins, states.bins + states.memories

    def start(source: int, last: int, chance: float) -> None:
        for target in range(states.bins):
            song = states.song_of[target]
            matrix[source, target] += chance * states.order[last, song] * states.enter[target]

    for state in range(states.bins):
        last = int(states.song_of[state]) + 1
        matrix[state, state] += states.stay[state]
        if state + 1 < states.bins:
            matrix[state, state + 1] += states.advance[state + 1]
        if state + 2 < states.bins:
            matrix[state, state + 2] += states.skip[state + 2]
        leave, straight = float(states.leave[state]), float(states.straight[last])
        start(state, last, leave * straight)
        matrix[state, pause + last] += leave * (1 - straight) * (1 - habits.then_unknown)
        matrix[state, unknown + last] += leave * (1 - straight) * habits.then_unknown
    for last in range(songs + 1):
        ends = habits.pause_ends
        matrix[pause + last, pause + last] += 1 - ends
        matrix[pause + last, unknown + last] += ends * habits.pause_to_unknown
        start(pause + last, last, ends * (1 - habits.pause_to_unknown))
        ends = habits.unknown_ends
        matrix[unknown + last, unknown + last] += 1 - ends
        matrix[unknown + last, pause + last] += ends * (1 - habits.unknown_to_song)
        start(unknown + last, last, ends * habits.unknown_to_song)
    return states.begins().astype(np.float64), matrix


@pytest.mark.parametrize("planned", [None, ["b", "a"]])
def test_best_path_and_posterior_are_those_of_a_dense_decoder(planned: list[str] | None) -> None:
    chains = songs_of(1, {"a": 9, "b": 12, "c": 7})
    chains["b"].append(songs_of(2, {"b": 8})["b"][0])  # a song of two references
    states = states_of(pack_of(chains), planned and [Planned(song=song) for song in planned])
    heard = heard_of(4, chains["b"][0], 3, chains["a"][0][:5], chains["c"][0], 2, noise=0.25)
    emission = Emission(trust=0.3)
    made = Decoder(states, emission, heard).decode()

    first, matrix = dense(states)
    gains = np.exp(emission.gains(heard, states).astype(np.float64))
    ahead = np.zeros_like(gains)
    best, source = np.zeros_like(gains), np.zeros(gains.shape, int)
    with np.errstate(divide="ignore"):
        logs = np.log(matrix)
        best[0] = np.log(first * gains[0])
    ahead[0] = first * gains[0]
    for step in range(1, len(gains)):
        ahead[step] = (ahead[step - 1] @ matrix) * gains[step]
        ways = best[step - 1][:, None] + logs
        source[step], best[step] = ways.argmax(axis=0), ways.max(axis=0) + np.log(gains[step])
    behind = np.ones_like(gains)
    for step in range(len(gains) - 2, -1, -1):
        behind[step] = matrix @ (gains[step + 1] * behind[step + 1])
    weights = ahead * behind
    weights /= weights.sum(axis=1, keepdims=True)
    path = [int(best[-1].argmax())]
    for step in range(len(gains) - 1, 0, -1):
        path.insert(0, int(source[step, path[0]]))

    labels = np.array([states.label_of(state) for state in range(states.size)])
    expected = np.stack(
        [weights[:, labels == label].sum(axis=1) for label in range(len(states.songs) + 2)], 1
    )
    np.testing.assert_allclose(made.posterior, expected, atol=2e-4)

    def worth(chosen: list[int]) -> float:
        steps = pairwise(chosen)
        return float(np.log(first[chosen[0]]) + sum(logs[a, b] for a, b in steps))

    gained = np.log(gains)
    ours = made.path.tolist()
    total = sum(gained[step, state] for step, state in enumerate(ours)) + worth(ours)
    assert total == pytest.approx(best[-1].max(), abs=1e-3)
    assert np.mean(np.array(path) == ours) > 0.98  # equals may differ


def test_transitions_out_of_every_state_sum_to_at_most_one() -> None:
    states = states_of(pack_of(songs_of(3, {"a": 9, "b": 3, "c": 40})), None)
    _, matrix = dense(states)
    assert matrix.sum(axis=1).max() < 1.0001
    assert matrix.sum(axis=1).min() > 0.85


def labels(decoder: Decoder, path: NDArray[np.int32]) -> list[str]:
    """The path in words, each once."""
    names = [*decoder.states.songs, "-", "?"]
    told = [names[decoder.states.label_of(int(state))] for state in path]
    return [word for n, word in enumerate(told) if n == 0 or told[n - 1] != word]


SHOW = {"a": 60, "b": 70, "c": 50, "d": 60}


def test_a_show_with_a_swap_a_skip_and_a_surprise() -> None:
    chains = songs_of(4, SHOW)
    planned = [Planned(song=song) for song in "abcd"]
    surprise = songs_of(5, {"x": 60})["x"][0]
    gap = 40
    heard = heard_of(
        gap, chains["b"][0], gap, chains["a"][0], gap, surprise, gap, chains["d"][0], gap, noise=0.15
    )
    decoder = Decoder(states_of(pack_of(chains), planned), Emission(), heard)
    assert labels(decoder, decoder.decode().path) == ["-", "b", "-", "a", "-", "?", "-", "d", "-"]


def test_two_songs_that_share_an_intro_tie_until_they_part() -> None:
    chains = songs_of(6, {"a": 60, "b": 60})
    chains["b"][0][:20] = chains["a"][0][:20]
    decoder = Decoder(states_of(pack_of(chains), None), Emission(), heard_of(20, chains["a"][0][:20]))
    tied = decoder.decode().posterior[-1]
    assert tied[:2] == pytest.approx([0.5, 0.5], abs=0.02)
    decoder = Decoder(decoder.states, Emission(), heard_of(20, chains["a"][0]))
    assert decoder.decode().posterior[40, 0] > 0.98


def test_a_song_played_a_little_faster_or_slower_is_followed() -> None:
    chains = songs_of(7, {"a": 120, "b": 120})
    smooth = np.stack([np.convolve(column, np.hanning(7), "same") for column in chains["a"][0].T], axis=1)
    chains["a"] = [unit(smooth).astype(np.float64)]
    for factor in (0.96, 1.04):
        places = np.clip(np.round(np.arange(round(120 / factor)) * factor), 0, 119).astype(int)
        decoder = Decoder(states_of(pack_of(chains), None), Emission(), heard_of(chains["a"][0][places]))
        path = decoder.decode().path
        inside = path < decoder.states.bins
        assert inside.mean() > 0.95
        errors = decoder.states.place[path[inside]] - places[inside]
        assert np.abs(errors).max() <= 3


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


def test_silence_and_one_song_alone_decode() -> None:
    chains = songs_of(9, {"a": 3})
    silence = Heard(np.zeros((1, SIZE), np.float32), np.full(1, -10, np.float32))
    decoder = Decoder(states_of(pack_of(chains), None), Emission(), silence)
    made = decoder.decode()
    assert labels(decoder, made.path) == ["-"]
    assert made.posterior.sum() == pytest.approx(1)


def test_order_gives_an_optional_songs_chance_to_the_next() -> None:
    show = [Planned(song="a"), Planned(song="b", optional=True), Planned(song="c"), Planned(song="d")]
    after_a = order_of(show, 4)[1]
    assert after_a[2] > 0.8 * after_a[1]
    assert order_of(show, 6).sum(axis=1) == pytest.approx(np.ones(7))
    assert order_of(show, 6).min() > 0


def test_a_plan_names_what_the_pack_lacks() -> None:
    show = Setlist(songs=(parse_song("Café *"), parse_song("cafe"), parse_song("Gone ?")))
    planned, missing = plan_of(show, ["Cafe", "Other"])
    assert [one.song for one in planned] == ["Cafe", "Cafe"]
    assert missing == ["Gone"]


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
