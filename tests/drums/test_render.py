"""Rendered drums: a hit sounds at its time, an open hat is choked, harder is louder, labels are exact."""

from __future__ import annotations

import numpy as np
import pytest

from tonewheel.core.seeds import generator
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.recipe import SceneRecipe
from tonewheel.systems.drums.stage.kits import instrument_of, label_of, strength_of
from tonewheel.systems.drums.stage.playing import CLOSED, CRASH, KICK, OPEN, SNARE, Player
from tonewheel.systems.drums.stage.render import Drums, strike
from tonewheel.systems.drums.stage.scene import BEFORE_S, Stage

RATE = 44_100


@pytest.mark.parametrize("label", range(len(LABELS)))
def test_a_hit_begins_where_it_is_said_to(drum_kits: Prepared, label: int) -> None:
    kit = Drums(drum_kits, "train").draw_kit(generator(1))
    low, rest, heard = strike(generator(2), kit, np.array([[0.5, label, 0.9]]), RATE)
    audio = low + rest
    assert heard.all()
    assert np.abs(audio[: RATE // 2]).max() == 0
    assert np.abs(audio[RATE // 2 : RATE // 2 + RATE // 20]).max() > 0.1 * np.abs(audio).max() > 0


def test_a_closed_hat_chokes_an_open_one(drum_kits: Prepared) -> None:
    kit = Drums(drum_kits, "train").draw_kit(generator(3))
    open_hat = np.array([0.0, OPEN, 1.0])
    alone = strike(generator(4), kit, open_hat[None], RATE)[1]
    # A closed hat of no strength, so that only the choking is heard.
    both = strike(generator(4), kit, np.array([open_hat, [0.06, CLOSED, 0.02]]), RATE)[1]
    late = slice(round(0.11 * RATE), round(0.16 * RATE))
    assert np.abs(both[late]).max() < 0.3 * np.abs(alone[late]).max()


def test_harder_is_louder(drum_kits: Prepared) -> None:
    kit = Drums(drum_kits, "train").draw_kit(generator(5))
    peaks = [
        np.abs(strike(generator(6), kit, np.array([[0.0, SNARE, v]]), RATE)[1]).max() for v in (0.2, 0.5, 1)
    ]
    assert peaks[0] < peaks[1] < peaks[2]


def test_what_is_played_outside_is_not_heard(drum_kits: Prepared) -> None:
    kit = Drums(drum_kits, "train").draw_kit(generator(5))
    hits = np.array([[-0.1, KICK, 1.0], [0.2, KICK, 1.0], [1.5, KICK, 1.0]])
    assert strike(generator(0), kit, hits, RATE)[2].tolist() == [False, True, False]


def test_loud_hits_of_a_scene_can_be_seen_at_their_times(drum_kits: Prepared) -> None:
    recipe = SceneRecipe(bed_share=0.0, bed_alone_share=0.0, scatter_share=0.0, codec_share=0.0)
    scene = Stage(drum_kits, recipe, "train").draw(generator(8), 4.0)
    energy = np.square(scene.audio[: len(scene.audio) // 220 * 220].reshape(-1, 220)).sum(axis=1)
    kicks = scene.hits[(scene.hits[:, 1] == KICK) & (scene.hits[:, 2] > 0.5), 0]
    assert len(kicks) > 2
    places = ((kicks + BEFORE_S) * RATE / 220).astype(int)
    rises = [energy[p : p + 6].max() / (energy[max(0, p - 6) : p - 1].mean() + 1e-9) for p in places]
    assert np.median(rises) > 2
    assert (scene.hits[:, 0] >= 0).all()
    assert (scene.hits[:, 0] < 4.0).all()


def test_the_same_generator_gives_the_same_scene(drum_kits: Prepared) -> None:
    stage = Stage(drum_kits, SceneRecipe(), "train")
    a, b = stage.draw(generator(9), 2.0), stage.draw(generator(9), 2.0)
    assert np.array_equal(a.audio, b.audio)
    assert np.array_equal(a.hits, b.hits)


def test_varied_playing_keeps_its_order_and_gains_rare_drums(drum_kits: Prepared) -> None:
    player = Player(drum_kits.grooves, "train")
    seen = set()
    for seed in range(60):
        rng = generator(seed)
        hits = player.vary(rng, player.draw(rng, 4.0))
        assert (np.diff(hits[:, 0]) >= 0).all()
        assert ((hits[:, 2] >= 0) & (hits[:, 2] <= 1)).all()
        seen |= set(hits[:, 1].astype(int))
    assert {CRASH, LABELS.index("tom_mid"), LABELS.index("cross_stick"), LABELS.index("ride")} <= seen


def test_splits_share_no_kit_no_groove_and_no_room(drum_kits: Prepared) -> None:
    kits = {split: {s.kit for s in drum_kits.shots if s.split == split} for split in ("train", "valid")}
    assert kits["valid"]
    assert not kits["train"] & kits["valid"]
    assert drum_kits.room_paths("valid")
    assert not set(drum_kits.room_paths("train")) & set(drum_kits.room_paths("valid"))


def test_names_of_one_shots_are_understood() -> None:
    assert label_of("aux", "foot_stomp") == "hihat_pedal"
    assert label_of("snare", "ghost") == "snare"
    assert {instrument_of(s) for s in ("crash1_OH_FF_1", "crash1_OH_P_5")} == {"crash1"}
    assert instrument_of("drum_tom_hi_soft") == "drum_tom_hi"
    assert strength_of("vl2", "", 0.1) > strength_of("vl1", "", 0.9)
    assert strength_of("", "", 0.2) < strength_of("", "", 0.9)
