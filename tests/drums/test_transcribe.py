"""Transcribing: the same hits however the sound arrives, options do what they say, memory stays bounded."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.manifest.drum_hits import DrumHit, in_order
from tonewheel.synth.drums import draw_kit, one_shot
from tonewheel.systems.drums.hearing.decode import DecodeRule
from tonewheel.systems.drums.hearing.ears import Ears
from tonewheel.systems.drums.hearing.refine import Refiner
from tonewheel.systems.drums.hits.classifier import HitClassifier
from tonewheel.systems.drums.hits.model import HitNet
from tonewheel.systems.drums.hits.recipe import HitNetworkRecipe, HitsRecipe
from tonewheel.systems.drums.transcribe import Options, hear, transcribe

RATE = 44_100
BPM = 120.0


def drums(seconds: float) -> np.ndarray:
    """Kick and snare on the beats, hats on the eighths; the first hit at 0.25 s."""
    rng = generator(1, "drums")
    kit = draw_kit(rng, "acoustic")
    out = np.zeros(int(seconds * RATE) + RATE, np.float32)
    for step in range(int((seconds - 0.5) * BPM / 30)):
        start = round((0.25 + step * 30 / BPM) * RATE)
        names = ["hihat_closed", *([("kick", "snare")[step // 2 % 2]] if step % 2 == 0 else [])]
        for name in names:
            shot = one_shot(kit, name, 3, step % 4, RATE)
            out[start : start + len(shot)] += 0.5 * shot[: len(out) - start]
    return out[: int(seconds * RATE)]


@pytest.fixture(scope="module")
def ears(flux_ears: Ears) -> Ears:
    return flux_ears


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    return drums(24.0)


@pytest.fixture(scope="module")
def song(audio: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("song") / "song.wav"
    write(path, audio, RATE)
    return path


def cut(audio: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(audio), size):
        yield audio[start : start + size]


def tiny_classifier() -> HitClassifier:
    torch.manual_seed(1)
    recipe = HitsRecipe(network=HitNetworkRecipe(channels=(2, 2, 4, 4)))
    return HitClassifier(HitNet(recipe.network, recipe.front_end.n_mels), recipe)


@pytest.mark.parametrize("size", [997, 44_100, 10_000_000])
def test_blocks_of_any_length_give_exactly_the_same_hits(ears: Ears, audio: np.ndarray, size: int) -> None:
    whole = list(hear([audio], ears))
    assert len(whole) > 60
    assert list(hear(cut(audio, size), ears)) == whole


def test_the_stream_equals_the_whole_in_one_piece(ears: Ears, audio: np.ndarray) -> None:
    streamed = in_order(hear(cut(audio, 4410), ears))
    offline = ears.transcribe(audio)
    assert [hit.label for hit in streamed] == [hit.label for hit in offline]
    for a, b in zip(streamed, offline, strict=True):
        assert a.onset_s == pytest.approx(b.onset_s, abs=2e-4)


@pytest.mark.parametrize("block_s", [0.1, 1.0, 60.0])
def test_a_file_is_heard_alike_whatever_the_block(ears: Ears, song: Path, block_s: float) -> None:
    one = transcribe(song, ears, block_s=block_s)
    assert one == transcribe(song, ears)
    assert one.seconds == pytest.approx(24.0)


def test_it_finds_the_drums_and_their_tempo(ears: Ears, song: Path) -> None:
    one = transcribe(song, ears)
    kicks = [hit.onset_s for hit in one.hits if hit.label == "kick"]
    near = [min(abs(time_s - 0.25 - k) for k in np.arange(0, 24, 1.0)) for time_s in kicks]
    assert np.mean(np.array(near) < 0.03) > 0.9
    assert one.tempo.bpm == pytest.approx(BPM, rel=2e-3)
    assert one.tempo.meter == "4/4"
    assert (one.tempo.offset_s - 0.25) % 2.0 == pytest.approx(0.0, abs=0.03) or (
        one.tempo.offset_s - 0.25
    ) % 2.0 > 1.97


def test_other_rates_and_channels_are_heard_as_well(ears: Ears, audio: np.ndarray, tmp_path: Path) -> None:
    stereo = np.stack([audio, audio])
    write(tmp_path / "stereo.ogg", stereo, RATE)
    assert len(transcribe(tmp_path / "stereo.ogg", ears).hits) > 60


def test_sensitivity_moves_every_threshold_and_a_given_one_wins() -> None:
    rule = DecodeRule()
    low, high = (Options(sensitivity=s).rule(rule).thresholds for s in (0.2, 0.8))
    assert all(a > b for a, b in zip(low, high, strict=True))
    assert Options().rule(rule) == rule
    given = Options(sensitivity=0.9, thresholds={"hihat": 0.7, "tom_low": 0.9}).rule(rule).thresholds
    assert given[3] == 0.7
    assert given[2] < 0.4  # a label of several has no threshold of its own, but a least confidence
    assert not Options(thresholds={"tom_low": 0.9}).keeps(DrumHit(onset_s=0, label="tom_low", confidence=0.8))
    assert Options(thresholds={"tom_low": 0.9}).keeps(DrumHit(onset_s=0, label="tom_high", confidence=0.8))


def test_more_sensitivity_finds_more_and_confidence_leaves_out(ears: Ears, audio: np.ndarray) -> None:
    counts = [len(list(hear([audio], ears, Options(sensitivity=s)))) for s in (0.0, 0.5, 1.0)]
    assert counts[0] <= counts[1] <= counts[2]
    assert counts[0] < counts[2]
    sure = list(hear([audio], ears, Options(confidence=0.9)))
    assert sure == [hit for hit in hear([audio], ears) if hit.confidence >= 0.9]


def test_times_stay_where_they_were_played_unless_asked(ears: Ears, song: Path) -> None:
    free = transcribe(song, ears, Options(bpm=60.0, offset_s=0.1))
    assert [hit.onset_s for hit in free.hits] == [hit.onset_s for hit in transcribe(song, ears).hits]
    snapped = transcribe(song, ears, Options(bpm=120.0, offset_s=0.25, snap="1/8"))
    away = [((hit.onset_s - 0.25) / 0.25) % 1 for hit in snapped.hits]
    assert all(min(a, 1 - a) < 1e-4 for a in away)


@pytest.mark.parametrize(
    ("name", "family"),
    [("KD", 0), ("sd", 1), ("Snare", 1), ("TT", 2), ("HH", 3), ("CY", 4), ("aux_percussion", 5)],
)
def test_a_family_may_be_given_by_its_short_name(name: str, family: int) -> None:
    thresholds = Options(thresholds={name: 0.77}).rule(DecodeRule()).thresholds
    assert [number for number, value in enumerate(thresholds) if value == 0.77] == [family]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(sensitivity=1.2), "--sensitivity: must be 0..1, got 1.2"),
        (Options(confidence=-1), "--confidence"),
        (Options(thresholds={"kik": 0.5}), 'no drum "kik" .did you mean "kick"'),
        (Options(thresholds={"kick": 1.0}), "kick must be above 0 and below 1"),
        (Options(bpm=0.0), "--tempo"),
        (Options(offset_s=float("inf")), "--offset"),
        (Options(snap="1/7x"), "--snap"),
    ],
)
def test_an_option_that_cannot_be_is_named(options: Options, message: str) -> None:
    with pytest.raises(InputError, match=message):
        options.check()


def test_silence_has_no_hits(ears: Ears) -> None:
    assert list(hear([np.zeros(3 * RATE, np.float32)], ears)) == []
    assert list(hear([], ears)) == []


def test_refining_is_the_same_in_blocks_of_any_length(ears: Ears, audio: np.ndarray) -> None:
    classifier = tiny_classifier()
    part = audio[: 8 * RATE]
    whole = list(hear([part], ears, None, classifier))
    pieces = list(hear(cut(part, 12_345), ears, None, classifier))
    assert pieces == whole
    plain = list(hear([part], ears))
    assert in_order(whole) == whole
    assert [hit.onset_s for hit in in_order(whole)] == [hit.onset_s for hit in in_order(plain)]


def test_a_sure_classifier_decides_within_the_family_and_never_beyond(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    classifier = tiny_classifier()
    refiner = Refiner(classifier, RATE)
    answer = classifier.classify(drums(1.0), 0.25)
    scores = dict.fromkeys(answer.scores, 0.0) | {"hihat_open": 0.53, "kick": 0.45, "hihat_closed": 0.02}
    told = replace(answer, label="hihat_open", scores=scores, openness=0.8)
    monkeypatch.setattr(classifier, "at", lambda audio, times: [told for _ in times])
    refiner.hear(np.zeros(3 * RATE, np.float32))
    hits = [
        DrumHit(onset_s=t, label=name) for t, name in ((0.5, "hihat_closed"), (0.7, "kick"), (0.9, "tom_low"))
    ]
    refined = refiner.refine(hits)
    assert [hit.label for hit in refined] == ["hihat_open", "kick", "tom_low"]
    assert refined[0].openness == 0.8
    both = [DrumHit(onset_s=2.0, label=name) for name in ("hihat_closed", "hihat_open")]
    assert [hit.label for hit in refiner.refine(both)] == ["hihat_closed", "hihat_open"]


def test_memory_does_not_grow_with_the_recording(ears: Ears) -> None:
    def halves_of_a_minute(count: int) -> Iterator[np.ndarray]:
        part = drums(6.0)
        for _ in range(5 * count):
            yield part

    def peak(count: int) -> int:
        tracemalloc.start()
        hits = sum(1 for _ in hear(halves_of_a_minute(count), ears))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert hits > 50 * count
        return most

    short, long = peak(1), peak(3)
    assert long < 1.1 * short + 200_000
