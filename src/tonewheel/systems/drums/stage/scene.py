"""A clip as a record or a microphone has it: drums in a room, on a desk, under music, through a codec."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.degrade.codec import Codec
from tonewheel.degrade.dynamics import Compressor, Limiter
from tonewheel.degrade.equaliser import Equaliser
from tonewheel.degrade.high_pass import HighPass
from tonewheel.degrade.low_pass import LowPass
from tonewheel.degrade.room import Room
from tonewheel.systems.drums.prepare import Bed, Prepared
from tonewheel.systems.drums.recipe import SceneRecipe
from tonewheel.systems.drums.stage.grooves import Hits
from tonewheel.systems.drums.stage.kits import SAMPLE_RATE_HZ, Audio
from tonewheel.systems.drums.stage.playing import Player
from tonewheel.systems.drums.stage.render import Drums, strike

BEFORE_S = 0.8
"""What rings into a clip from before it."""


class Scene(NamedTuple):
    """Audio (samples,) from `BEFORE_S` before the clip to its end, hits in seconds of the clip, audibility."""

    audio: Audio
    hits: Hits
    heard: NDArray[np.bool_]


class Stage:
    """Draws scenes from a prepared folder."""

    def __init__(self, prepared: Prepared, recipe: SceneRecipe, split: str, *, vary: bool = True) -> None:
        self.prepared = prepared
        self.recipe = recipe
        self.vary = vary
        self.drums = Drums(prepared, split)
        self.player = Player(prepared.grooves, split)
        self.rooms = prepared.room_paths(split)
        beds = [bed for bed in prepared.beds if bed.split == split]
        self.beds = {made: [bed for bed in beds if bed.synthetic == made] for made in (False, True)}

    def draw(self, rng: np.random.Generator, seconds: float) -> Scene:
        """A scene of this length after its beginning; all its randomness comes from `rng`."""
        recipe = self.recipe
        alone = rng.random() < recipe.bed_alone_share
        whole_s = BEFORE_S + seconds + 0.05
        if rng.random() < recipe.scatter_share:
            hits = self.player.scatter(rng, whole_s)
        else:
            hits = self.player.draw(rng, whole_s)
            hits = self.player.vary(rng, hits) if self.vary else hits
        if rng.random() < 0.15:  # the recording begins here
            hits = hits[hits[:, 0] >= BEFORE_S]
        if alone:
            hits = hits[:0]
        drums, heard = self.play(rng, hits, round(whole_s * SAMPLE_RATE_HZ))
        audio = drums
        if alone or rng.random() < recipe.bed_share:
            audio = self.mix(rng, drums, self.bed(rng, len(drums)))
        audio = self.master(rng, audio)
        inside = (hits[:, 0] >= BEFORE_S) & (hits[:, 0] < BEFORE_S + seconds)
        kept = hits[inside] - np.array([BEFORE_S, 0, 0])
        return Scene(audio[: round((BEFORE_S + seconds) * SAMPLE_RATE_HZ)], kept, heard[inside])

    def play(self, rng: np.random.Generator, hits: Hits, samples: int) -> tuple[Audio, NDArray[np.bool_]]:
        """Drums with a kit of their own, in a room and on a desk, peak near 0.5; and which hits are heard."""
        recipe = self.recipe
        kit = self.drums.draw_kit(
            rng, mixed_share=recipe.mixed_kit_share, synthetic_share=recipe.synthetic_share
        )
        low, rest, heard = strike(rng, kit, hits, samples)
        audio = low + rest
        if self.rooms and rng.random() < recipe.room_share:
            # Kicks have their own microphone and little of the room.
            sent = rest + np.float32(rng.uniform(0, 1)) * low
            if rng.random() < 0.3:  # a second microphone, further away
                far = round(rng.uniform(0.001, 0.008) * SAMPLE_RATE_HZ)
                sent[far:] += np.float32(rng.uniform(0.2, 0.8)) * sent[:-far]
            room = Room.draw(rng, paths=self.rooms)
            if rng.random() < 0.5:
                room = _with_ratio(room, float(rng.uniform(-4, 12)))
            wet = np.float32(rng.uniform(0.05, 1.0))
            audio = (1 - np.float32(0.8) * wet) * audio + wet * room.apply(sent, SAMPLE_RATE_HZ)
        audio = _levelled(audio, 0.5)
        if rng.random() < 0.7:
            audio = Equaliser.draw(rng, shelf_db=(-8, 8), peak_db=(-7, 7)).apply(audio, SAMPLE_RATE_HZ)
        if rng.random() < 0.5:
            audio = Compressor.draw(rng).apply(_levelled(audio, 0.5), SAMPLE_RATE_HZ)
        if rng.random() < 0.3:
            drive = np.float32(rng.uniform(0.5, 5.0))
            audio = np.tanh(drive * _levelled(audio, 1.0)) / drive
        return _levelled(audio, 0.5), heard

    def bed(self, rng: np.random.Generator, samples: int) -> Audio:
        """Music without drums, at another speed and pitch each time; silence where the folder has none."""
        made = rng.random() < 0.4
        beds = self.beds[made] or self.beds[not made]
        if not beds:
            return np.zeros(samples, np.float32)
        audio = self._piece(rng, beds[int(rng.integers(len(beds)))], samples)
        if rng.random() < 0.15:  # two at once
            other = self._piece(rng, beds[int(rng.integers(len(beds)))], samples)
            audio = audio + np.float32(rng.uniform(0.2, 1)) * other
        if rng.random() < 0.5:
            audio = Equaliser.draw(rng).apply(audio, SAMPLE_RATE_HZ)
        return audio

    def _piece(self, rng: np.random.Generator, bed: Bed, samples: int) -> Audio:
        speed = float(np.exp(rng.normal(0, 0.08)))
        needed, there = round(samples * speed) + 2, round(bed.seconds * SAMPLE_RATE_HZ)
        start = int(rng.integers(0, max(1, there - needed)))
        audio = self.prepared.bed(bed, start, start + needed)
        places = np.arange(samples) * speed
        moved: Audio = np.interp(places, np.arange(len(audio)), audio, right=0.0).astype(np.float32)
        return moved

    def mix(self, rng: np.random.Generator, drums: Audio, bed: Audio) -> Audio:
        """Drums over a bed at a level drawn between them, drums kept as loud as they were."""
        ratio_db = rng.uniform(*self.recipe.drums_to_bed_db)
        loud = float(np.sqrt(np.mean(drums**2))) or 0.05
        under = float(np.sqrt(np.mean(bed**2)))
        if under < 1e-6:
            return drums
        mixed = drums + bed * np.float32(loud / under * 10 ** (-ratio_db / 20))
        if rng.random() < 0.35:
            mixed = Compressor.draw(rng, threshold_db=(-24, -8)).apply(_levelled(mixed, 0.7), SAMPLE_RATE_HZ)
        return mixed

    def master(self, rng: np.random.Generator, audio: Audio) -> Audio:
        """What happens to the whole: limiter, band limits, noise, codec, level."""
        audio = _levelled(audio, 0.7)
        if rng.random() < 0.25:
            audio = Limiter.draw(rng).apply(audio, SAMPLE_RATE_HZ)
        if rng.random() < 0.15:
            audio = LowPass.draw(rng, cutoff_hz=(5000, 16000)).apply(audio, SAMPLE_RATE_HZ)
        if rng.random() < 0.1:
            audio = HighPass.draw(rng, cutoff_hz=(30, 120)).apply(audio, SAMPLE_RATE_HZ)
        if rng.random() < 0.5:
            noise = rng.standard_normal(len(audio), dtype=np.float32)
            if rng.random() < 0.5:  # towards brown
                noise = np.convolve(noise, np.full(24, 0.2, np.float32), mode="same")
            audio = audio + np.float32(10 ** (rng.uniform(-80, -38) / 20)) * noise
        if rng.random() < self.recipe.codec_share:
            codec = Codec.draw(rng, formats=("mp3", "vorbis"), bitrate_kbps=(48, 128))
            audio = codec.apply(_levelled(audio, 0.9), SAMPLE_RATE_HZ)
        peak = 10 ** (rng.uniform(-30, 0) / 20)
        return _levelled(audio, peak)


def _levelled(audio: Audio, peak: float) -> Audio:
    highest = float(np.abs(audio).max(initial=0.0))
    return audio * np.float32(peak / highest) if highest > 1e-7 else audio


def _with_ratio(room: Room, direct_to_reverb_db: float) -> Room:
    from msgspec import structs

    return structs.replace(room, direct_to_reverb_db=direct_to_reverb_db)
