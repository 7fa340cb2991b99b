"""Hearing: a stream in any pieces equals the whole, peaks are found where they are, level does not matter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tonewheel.core.seeds import generator
from tonewheel.systems.drums.families import FAMILIES, FAMILY_OF, LABELS, MEMBERS
from tonewheel.systems.drums.hearing.decode import Curves, DecodeRule, Picker, decode, join, peaks
from tonewheel.systems.drums.hearing.ears import Ears, Stream, build
from tonewheel.systems.drums.loss import losses, triangles
from tonewheel.systems.drums.model import Frames, Transcriber
from tonewheel.systems.drums.recipe import DrumsRecipe, LossRecipe, NetworkRecipe

RATE = 44_100


@pytest.fixture(scope="module")
def ears() -> Ears:
    """An untrained transcriber whose curves move: random weights, made larger."""
    torch.manual_seed(0)
    recipe = DrumsRecipe(network=NetworkRecipe(channels=(4, 6, 8, 8), width=16))
    model = build(recipe)
    with torch.no_grad():
        model.heads.weight *= 20
        model.heads.bias.zero_()
    return Ears(model, recipe, "untrained", DecodeRule(thresholds=(0.5,) * 6))


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    """Five seconds of clicks in noise."""
    rng = generator(0, "clicks")
    out = 0.01 * rng.standard_normal(5 * RATE)
    for start in rng.integers(0, 5 * RATE - 2000, 30):
        out[start : start + 2000] += (
            rng.uniform(0.1, 1) * rng.standard_normal(2000) * np.exp(-np.arange(2000) / 400)
        )
    return out.astype(np.float32)


@pytest.mark.parametrize("block", [301, 4410, 100_000])
def test_blocks_of_any_length_give_the_curves_of_the_whole(ears: Ears, audio: np.ndarray, block: int) -> None:
    whole = ears.curves(audio)
    stream = Stream(ears)
    parts = [stream.push(audio[i : i + block]) for i in range(0, len(audio), block)]
    pieces = join([*parts, stream.finish()])
    assert whole.onset.shape == (6, 501)
    for a, b in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_stream_gives_the_hits_of_the_whole(ears: Ears, audio: np.ndarray) -> None:
    whole = ears.transcribe(audio)
    assert len(whole) > 20
    streamed = list(ears.listen(audio[i : i + 1000] for i in range(0, len(audio), 1000)))
    order = [sorted(hits, key=lambda hit: (hit.label, hit.onset_s)) for hits in (whole, streamed)]
    assert [hit.label for hit in order[0]] == [hit.label for hit in order[1]]
    for a, b in zip(*order, strict=True):
        assert a.onset_s == pytest.approx(b.onset_s, abs=2e-4)  # rounded to a tenth of a millisecond
        assert a.velocity == pytest.approx(b.velocity, abs=2e-3)
    assert 0.1 < ears.delay_s < 0.25


def test_the_frame_does_not_see_beyond_its_look_ahead() -> None:
    model = Transcriber(NetworkRecipe(channels=(4, 4, 4, 4), width=8), 80).eval()
    torch.manual_seed(1)
    a = torch.randn(1, 80, 120)
    b = a.clone()
    b[..., 80:] = torch.randn(1, 80, 40)
    seen = (model(a).onset - model(b).onset).abs().amax(dim=(0, 1)) > 1e-6
    assert int(torch.nonzero(seen)[0]) == 80 - model.look_ahead_frames


def test_a_level_that_was_heard_before_does_not_matter() -> None:
    model = Transcriber(NetworkRecipe(), 80).eval()
    quiet, _ = model.normalise(torch.full((1, 80, 5), 2.0), torch.tensor([-5.0]))
    loud, _ = model.normalise(torch.full((1, 80, 5), 8.0), torch.tensor([-5.0]))
    assert torch.allclose(quiet, loud)
    after, level = model.normalise(torch.full((1, 80, 500), 2.0), torch.tensor([8.0]))
    assert after[0, 0, 0] < after[0, 0, 400] < 1  # 3 dB a second back up
    assert 2.0 < float(level) < 8.0


def test_a_hit_in_the_first_frame_counts() -> None:
    curve = np.zeros(20, np.float32)
    curve[0], curve[1] = 0.9, 0.4
    assert peaks(curve, 0.5, 3)[0].tolist() == [0]


def test_two_hits_closer_than_a_hand_are_one() -> None:
    curves = _curves(60)
    curves.onset[0, [10, 13]] = 0.9  # 30 ms apart: no foot is that fast
    curves.onset[1, [10, 13]] = 0.9  # a hand is
    hits = decode(curves, DecodeRule())
    assert [hit.label for hit in hits].count("kick") == 1
    assert [hit.label for hit in hits].count("snare") == 2


def test_two_labels_of_a_family_may_be_struck_at_once() -> None:
    curves = _curves(30)
    curves.onset[FAMILIES.index("cymbal"), 10] = 0.9
    curves.label[LABELS.index("ride"), 10] = 0.8
    assert [hit.label for hit in decode(curves, DecodeRule())] == ["ride"]
    curves.label[LABELS.index("crash"), 10] = 0.7
    assert [hit.label for hit in decode(curves, DecodeRule())] == ["crash", "ride"]


@pytest.mark.parametrize("size", [1, 7, 50])
def test_picking_in_pieces_picks_the_same(size: int) -> None:
    rng = generator(size, "curves")
    curves = Curves(*(rng.random((n, 400)).astype(np.float32) for n in (6, 12, 12)))
    picker, found = Picker(DecodeRule()), []
    for start in range(0, 400, size):
        piece = Curves(*(row[:, start : start + size] for row in curves))
        found += picker.push(piece, last=start + size >= 400)
    assert sorted(found, key=lambda h: (h.onset_s, h.label)) == decode(curves, DecodeRule())


def test_every_label_is_of_one_family() -> None:
    assert sorted(label for members in MEMBERS for label in members) == list(range(12))
    assert FAMILIES[FAMILY_OF[LABELS.index("cross_stick")]] == "snare"


def test_a_perfect_answer_loses_less_than_any_other() -> None:
    hits = torch.tensor([[0, 0, 10.0, 0.8, 1], [0, 3, 20.3, 0.4, 1]])
    target = triangles(hits, torch.from_numpy(FAMILY_OF)[hits[:, 1].long()], (1, 6, 40), 2.0)
    labels = torch.full((1, 12, 40), -9.0)
    labels[0, 0], labels[0, 3] = 9.0, 9.0
    velocity = torch.zeros(1, 12, 40)
    velocity[0, 0], velocity[0, 3] = np.log(0.8 / 0.2), np.log(0.4 / 0.6)
    right = losses(Frames(torch.logit(target, 1e-6), labels, velocity), hits, LossRecipe())
    assert right.label < 0.01
    assert right.velocity < 1e-6
    shifted = losses(Frames(torch.logit(target, 1e-6).roll(3, 2), -labels, velocity * 0), hits, LossRecipe())
    assert all(a < b for a, b in zip(right, shifted, strict=True))


def test_a_hit_that_cannot_be_heard_is_neither_asked_for_nor_forbidden() -> None:
    silent = torch.tensor([[0, 0, 20.0, 0.8, 0.0]])
    yes, no = torch.full((1, 6, 40), -9.0), torch.full((1, 6, 40), -9.0)
    yes[0, 0, 20] = 9.0
    rest = torch.zeros(1, 12, 40)
    a = losses(Frames(yes, rest, rest), silent, LossRecipe())
    b = losses(Frames(no, rest, rest), silent, LossRecipe())
    assert abs(float(a.onset - b.onset)) < 1e-6
    assert float(a.label) == 0


def _curves(length: int) -> Curves:
    return Curves(*(np.zeros((n, length), np.float32) for n in (6, 12, 12)))
