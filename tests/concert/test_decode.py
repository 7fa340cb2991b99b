"""The decoder against a dense one written as plainly as possible, and what a show must come out as."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.concert.made_shows import SIZE, Floats, heard_of, pack_of, songs_of, unit

from tonewheel.manifest.setlist import Setlist, parse_song
from tonewheel.synth.concert import Span
from tonewheel.systems.concert.decode.emission import Emission, Heard, RunningLevel, level
from tonewheel.systems.concert.decode.fit import Evening, fit, likelihood
from tonewheel.systems.concert.decode.follow import DecodingListener
from tonewheel.systems.concert.decode.order import Planned, order_of, plan_of
from tonewheel.systems.concert.decode.states import States, states_of
from tonewheel.systems.concert.decode.sweep import Decoder


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
        matrix[state, pause + last] += leave * (1 - straight) * (1 - states.then_unknown[last])
        matrix[state, unknown + last] += leave * (1 - straight) * states.then_unknown[last]
    for last in range(songs + 1):
        ends = habits.pause_ends
        matrix[pause + last, pause + last] += 1 - ends
        matrix[pause + last, unknown + last] += ends * states.pause_to_unknown[last]
        start(pause + last, last, ends * (1 - states.pause_to_unknown[last]))
        ends = float(states.unknown_ends[last])
        matrix[unknown + last, unknown + last] += 1 - ends
        matrix[unknown + last, pause + last] += ends * (1 - habits.unknown_to_song)
        start(unknown + last, last, ends * habits.unknown_to_song)
    return states.begins().astype(np.float64), matrix


@pytest.mark.parametrize(
    "planned",
    [
        None,
        [Planned(song="b"), Planned(song="a")],
        [Planned(song="b", straight=True, seconds=3, unknown_s=9)],
    ],
)
def test_best_path_and_posterior_are_those_of_a_dense_decoder(planned: list[Planned] | None) -> None:
    chains = songs_of(1, {"a": 9, "b": 12, "c": 7})
    chains["b"].append(songs_of(2, {"b": 8})["b"][0])  # a song of two references
    states = states_of(pack_of(chains), planned)
    heard = heard_of(4, chains["b"][0], 3, chains["a"][0][:5], chains["c"][0], 2, noise=0.25)
    emission = Emission(trust=0.3)
    decoder = Decoder(states, emission, heard)
    made = decoder.decode()

    first, matrix = dense(states)
    gains = np.exp(emission.gains(decoder.heard, states).astype(np.float64))
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


def test_a_medley_an_encore_and_a_song_that_is_played_twice() -> None:
    chains = songs_of(10, SHOW)
    planned = [Planned(song=song) for song in "abcd"]
    decoder = Decoder(
        states_of(pack_of(chains), planned),
        Emission(),
        heard_of(
            *(
                20,
                chains["a"][0][:30],
                chains["b"][0][15:45],
                chains["c"][0][10:],
            ),  # a medley: no pause between
            *(
                360,
                chains["d"][0],
                40,
                chains["a"][0],
                20,
            ),  # three minutes of clapping, an encore, the first again
            noise=0.15,
        ),
    )
    made = decoder.decode()
    assert labels(decoder, made.path) == ["-", "a", "b", "c", "-", "d", "-", "a", "-"]
    told = np.array([decoder.states.label_of(int(state)) for state in made.path])
    edges = np.flatnonzero(np.diff(told)) + 1
    assert np.abs(edges - [20, 50, 80, 120, 480, 540, 580, 640]).max() <= 3


@pytest.mark.parametrize(("listed_s", "end"), [(15.0, 30), (20.0, 40), (30.0, 60)])
def test_a_length_that_the_list_gives_says_where_a_song_ends_that_nobody_hears(
    listed_s: float, end: int
) -> None:
    chains = songs_of(11, {"a": 60, "b": 60})
    rng = np.random.default_rng(0)
    drowned = Heard(unit(rng.normal(size=(60, SIZE))), np.full(60, 3.0, np.float32))
    sound = [heard_of(20, chains["a"][0][:20]), drowned, heard_of(chains["b"][0], 20)]
    heard = Heard(*(np.concatenate(parts) for parts in zip(*sound, strict=True)))
    planned = [Planned(song="a", seconds=listed_s), Planned(song="b")]
    decoder = Decoder(
        states_of(pack_of(chains), planned), Emission(least=0.0, quietest=0.0, loudest=0.0), heard
    )
    path = decoder.decode().path
    inside = np.flatnonzero(path < decoder.states.bins)
    inside = inside[decoder.states.song_of[path[inside]] == 0]
    assert inside[-1] - 20 == pytest.approx(end, abs=7)


def test_a_song_of_the_list_that_the_pack_lacks_is_expected_where_it_stands() -> None:
    chains = songs_of(12, {"a": 50, "b": 50})
    show = Setlist(songs=(parse_song("a"), parse_song("New one [1:00]"), parse_song("b")))
    planned, missing = plan_of(show, ["a", "b"])
    assert (missing, planned[0].unknown_s) == (["New one"], 60.0)
    rng = np.random.default_rng(0)
    neither = Heard(
        unit(rng.normal(size=(120, SIZE))), np.full(120, -0.72, np.float32)
    )  # as near to music as to none
    sound = [heard_of(20, chains["a"][0]), neither, heard_of(chains["b"][0], 20)]
    heard = Heard(*(np.concatenate(parts) for parts in zip(*sound, strict=True)))
    shares = []
    for plan in (planned, [Planned(song="a"), Planned(song="b")]):
        made = Decoder(states_of(pack_of(chains), plan), Emission(), heard).decode()
        shares.append(float(made.posterior[80:180, 3].mean()))
    assert shares[0] > shares[1]


def test_the_level_of_the_music_head_is_that_of_the_hall() -> None:
    """What counts is how an answer stands to the others of its recording; silence and brevity do not mislead."""
    show = np.tile(np.repeat([0.0, 5.0], [40, 160]), 6).astype(np.float32)
    for shift in (-4.0, 4.0):
        found = level(show + np.float32(shift))
        assert found[show > 2].mean() > 1.5
        assert found[show < 2].mean() < -1
    with_silence = np.concatenate([show, np.full(400, -10.0, np.float32)])
    np.testing.assert_allclose(level(with_silence)[:1100], level(show)[:1100], atol=0.3)
    alone = level(np.full(20, 6.0, np.float32))  # ten seconds of nothing but a song
    assert alone.mean() > 3
    assert level(np.full(1, -10.0, np.float32))[0] < -5
    running = RunningLevel()
    told = np.array([running.push(float(answer) - 4) for answer in show])
    assert told[400:][show[400:] > 2].mean() > 1
    assert told[400:][show[400:] < 2].mean() < -0.5


def test_a_listener_tells_a_tie_once_and_the_song_when_they_part() -> None:
    chains = songs_of(13, {"a": 60, "b": 60, "c": 60})
    chains["b"][0][:24] = chains["a"][0][:24]
    pack = pack_of(chains)
    recipe = SimpleNamespace(views=SimpleNamespace(part_s=1.0))
    embedder = SimpleNamespace(
        spec=SimpleNamespace(sample_rate_hz=16_000), window_s=2.0, hop_s=0.5, recipe=recipe,
        rule=SimpleNamespace(least_live_odds=0.0), emission=Emission(),
    )  # fmt: skip
    listener = DecodingListener(pack, embedder)  # type: ignore[arg-type]
    heard = heard_of(20, chains["b"][0])
    events = []
    for step, (part, music) in enumerate(zip(*heard, strict=True)):
        events += listener.follow(listener.filter.step(part, float(music)), step * 0.5 + 1.0)
    told = [(event.event, event.song) for event in events if event.event != "position"]
    assert [kind for kind, _ in told] == ["tie", "song_start"]
    assert {events[0].song, events[0].other} == {"a", "b"}
    assert told[1][1] == "b"
    parted_s = (20 + 24) * 0.5
    assert parted_s < next(one.time_s for one in events if one.event == "song_start") < parted_s + 4


def test_fitting_finds_evidence_that_explains_what_was_played(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = {"trust": (0.02, 0.2), "quietest": (-1.0, -2.0)}
    monkeypatch.setattr("tonewheel.systems.concert.decode.fit.SEARCHED", searched)
    chains = songs_of(14, SHOW)
    pack = pack_of(chains)
    played = []
    for seed in range(2):
        heard = heard_of(40, chains["a"][0], 40, chains["b"][0], 40, noise=0.3, seed=seed)
        spans = (
            Span(start_s=0.0, end_s=20.5, kind="applause", title="", song=-1),
            Span(start_s=20.5, end_s=50.5, kind="song", title="a", song=0),
            Span(start_s=50.5, end_s=70.5, kind="applause", title="", song=-1),
            Span(start_s=70.5, end_s=105.5, kind="song", title="b", song=1),
            Span(start_s=105.5, end_s=125.5, kind="applause", title="", song=-1),
        )
        played.append(Evening(heard, states_of(pack, None), spans))
    poor = Emission(trust=0.02)
    found = fit(played)
    assert likelihood(played, found)[0] > likelihood(played, poor)[0]
    assert found.cosine > 0
    assert found.music > 0
    assert Emission.from_json(found.to_json()) == found


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
