"""What a hall and a phone did to a recording: physics of the figures, hostile input, and the way back to damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.concert.a_hall import RATE, profile

from tonewheel.audio.encode import write
from tonewheel.cli.main import main
from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.degrade.clipping import Clipping
from tonewheel.degrade.codec import Codec
from tonewheel.degrade.crowd import Crowd
from tonewheel.degrade.room import Room
from tonewheel.synth.speech import banter
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.venue.blind import SHIPPED, Blind
from tonewheel.systems.concert.venue.closeness import compare
from tonewheel.systems.concert.venue.features import NAMES, features
from tonewheel.systems.concert.venue.fit import Examples, fit
from tonewheel.systems.concert.venue.known import middle_t60_s
from tonewheel.systems.concert.venue.measure import COLUMNS, measure, measure_blocks, observe, pieces
from tonewheel.systems.concert.venue.profile import Estimate, Profile, Venue
from tonewheel.systems.concert.venue.simulate import Surroundings, matching, octaves_of
from tonewheel.systems.concert.venue.spectrum import SpectrumMeter

Floats = NDArray[np.float32]


def feature(row: NDArray[np.float64], part: str) -> float:
    """Mean of the features whose names hold a text."""
    return float(np.mean([value for name, value in zip(NAMES, row, strict=True) if part in name]))


def test_a_room_slows_every_fall_and_a_crowd_fills_the_gaps(music: list[Floats]) -> None:
    dry = music[0][: 8 * RATE]
    wet = Room(t60_s=(2.5,) * 7, direct_to_reverb_db=-6.0, seed=1).apply(dry, RATE)
    crowded = Crowd(sources=("synthetic:applause/1",), snr_db=0.0, seed=2).apply(dry, RATE)
    rows = [features(audio) for audio in (dry, wet, crowded)]
    for length in ("0.24", "0.48"):
        assert feature(rows[1], f"fall over {length}") < feature(rows[0], f"fall over {length}")
    assert feature(rows[1], "median over lowest") < feature(rows[0], "median over lowest")
    assert feature(rows[2], "median over lowest") < feature(rows[0], "median over lowest")


def test_clipping_flattens_and_a_gain_changes_nothing(music: list[Floats]) -> None:
    clean = music[1][: 5 * RATE]
    clipped = Clipping(fraction=0.05).apply(clean, RATE)
    assert feature(features(clipped), "flattened") > feature(features(clean), "flattened") + 1
    assert feature(features(clipped), "crest") < feature(features(clean), "crest")
    np.testing.assert_allclose(features(clean), features(clean * np.float32(0.01)), atol=0.02)


@given(
    st.integers(0, 40_000),
    st.sampled_from([0.0, 1e-30, 1e-3, 1.0, 1e6]),
    st.sampled_from(["noise", "steps", "one sample"]),
)
@settings(max_examples=12, deadline=None)
def test_features_of_anything_are_finite(samples: int, level: float, kind: str) -> None:
    audio = np.zeros(samples, np.float32)
    if kind == "noise":
        audio = generator(samples).normal(size=samples).astype(np.float32)
    elif samples:
        audio[samples // 2 :] = 1.0
        audio[samples // 2 + 1 :] = 0.0 if kind == "one sample" else 1.0
    assert np.isfinite(features(audio * np.float32(level))).all()


@pytest.mark.parametrize("t60_s", [0.4, 1.0, 2.5])
def test_the_truth_about_a_statistical_room_is_what_was_asked_of_it(t60_s: float) -> None:
    room = Room(t60_s=(t60_s,) * 7, direct_to_reverb_db=-20.0, early_reflections=0, seed=5)
    measured = middle_t60_s(room)
    assert measured is not None
    assert measured == pytest.approx(t60_s, rel=0.12)


def test_the_spectrum_of_a_filtered_noise_is_the_filter() -> None:
    noise = generator(1).normal(size=20 * 48_000).astype(np.float32)
    spectrum = np.fft.rfft(noise)
    spectrum[round(len(spectrum) * 9 / 24) :] = 0  # all above 9 kHz
    flat, cut = SpectrumMeter(48_000), SpectrumMeter(48_000)
    flat.add(noise)
    cut.add(np.fft.irfft(spectrum).astype(np.float32))
    assert flat.tilt_db_per_octave() == pytest.approx(0.0, abs=0.2)
    assert flat.bandwidth_hz()[1] == pytest.approx(24_000, abs=200)
    assert cut.bandwidth_hz()[1] == pytest.approx(9_000, abs=100)
    brown = SpectrumMeter(48_000)
    brown.add(np.cumsum(noise).astype(np.float32))
    assert brown.tilt_db_per_octave() == pytest.approx(-6.0, abs=0.5)


def test_a_codecs_edge_is_found(music: list[Floats]) -> None:
    noise = 0.1 * generator(2).normal(size=10 * 44_100).astype(np.float32)
    meter = SpectrumMeter(44_100)
    meter.add(Codec(format="mp3", bitrate_kbps=64).apply(noise, 44_100))
    assert 9_000 < meter.bandwidth_hz()[1] < 17_000


def test_a_fit_finds_what_is_in_the_features_and_states_its_error() -> None:
    rng = generator(0)
    rows = rng.normal(size=(600, len(NAMES)))
    truth = np.stack([0.5 * rows[:, 3] + 0.2, 4 * rows[:, 7] + 10, 0.02 * rows[:, 9] + 0.1], axis=1)
    halls = np.arange(600) // 2
    noisy = truth + rng.normal(size=(300, 3))[halls] * (0.1, 1.0, 0.005)  # what no feature tells of a hall
    model = fit(Examples(rows, noisy, halls, halls))
    assert model.error == pytest.approx((0.1, 1.0, 0.005), rel=0.25)
    t60_s, snr_db, clipped = model.estimate(np.zeros((5, len(NAMES))))
    assert t60_s.value == pytest.approx(np.exp(0.2), rel=0.05)
    assert t60_s.low < t60_s.value < t60_s.high
    assert snr_db.value == pytest.approx(10, abs=0.5)
    assert clipped.value == pytest.approx(0.01, rel=0.1)
    assert Blind.read(SHIPPED).names == NAMES


@pytest.mark.parametrize("sample_rate_hz", [RATE, 44_100])
def test_measure_tells_music_from_pauses(
    sample_rate_hz: int, music: list[Floats], embedder: Embedder
) -> None:
    import soxr

    talk = np.float32(0.05) * banter(generator(2), 10.0, RATE)
    show = np.concatenate([music[0][: 20 * RATE], talk])
    heard = soxr.resample(show, RATE, sample_rate_hz)
    found = measure_blocks("show", pieces(np.stack([heard, heard]), sample_rate_hz), sample_rate_hz, embedder)
    assert found.profile.seconds == pytest.approx(30.0, abs=0.1)
    assert (found.profile.channels, found.profile.sample_rate_hz) == (2, sample_rate_hz)
    assert found.profile.music_s == 20.0
    assert found.rows.shape == (2, len(COLUMNS))
    assert found.profile.pauses is not None
    assert 7 <= found.profile.pauses.seconds <= 10
    assert found.profile.pauses.middle_db < -20
    assert found.profile.bandwidth_hz[1] <= 8_100


def test_measure_refuses_what_holds_no_music(tmp_path: Path, embedder: Embedder) -> None:
    write(tmp_path / "silence.wav", np.zeros(12 * RATE, np.float32), RATE)
    with pytest.raises(InputError, match=f"{tmp_path}.*no music"):
        measure(tmp_path / "silence.wav", embedder)
    (tmp_path / "text.wav").write_text("not sound")
    with pytest.raises(InputError):
        measure(tmp_path / "text.wav", embedder)


def test_a_venue_file_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "venue.json"
    path.write_text(Venue(recordings=(profile(),)).to_json())
    assert Venue.load(path).recordings[0] == profile()
    for text, reason in (
        (Venue(recordings=()).to_json(), "names no recording"),
        (Venue(recordings=(profile(),), format="other").to_json(), "format"),
        ('{"recordings": 3}', "recordings"),
        ("", "venue.json"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=reason):
            Venue.load(path)


def test_draws_lie_within_the_bounds_and_replay(music: list[Floats]) -> None:
    venue = Venue(recordings=(profile(), profile(snr_db=Estimate(value=20, low=20, high=20))))
    clean = music[2][: 6 * RATE]
    chains = [matching(venue, generator(n), music_db=octaves_of(clean), codec_share=0.0) for n in range(12)]
    rooms = [step for chain in chains for step in chain.steps if isinstance(step, Room)]
    crowds = [step for chain in chains for step in chain.steps if isinstance(step, Crowd)]
    assert all(0.9 <= room.t60_s[3] <= 2.1 for room in rooms)
    assert {crowd.snr_db == 20 for crowd in crowds} == {True, False}
    assert all(crowd.snr_db == 20 or 5 <= crowd.snr_db <= 11 for crowd in crowds)
    again = type(chains[0]).from_json(chains[0].to_json())
    np.testing.assert_array_equal(again.apply(clean, RATE), chains[0].apply(clean, RATE))


def test_simulated_sound_has_the_measured_spectrum(music: list[Floats]) -> None:
    """Music through the chain measures as the profile asked, octave by octave."""
    wanted = profile(t60_s=Estimate(value=0.3, low=0.3, high=0.3), clipped=Estimate(value=0, low=0, high=0))
    clean = music[0]
    chain = matching(
        Venue(recordings=(wanted,)), generator(3), music_db=octaves_of(clean), crowd=False, codec_share=0.0
    )
    got = np.array(octaves_of(chain.apply(clean, RATE)))
    assert np.abs(got - np.array(wanted.spectrum_db))[2:7].max() < 4.0


def test_only_rooms_that_ring_as_long_are_drawn(tmp_path: Path) -> None:
    for name, t60_s in (("short", 0.4), ("fits", 1.4), ("long", 4.0)):
        response = Room(t60_s=(t60_s,) * 7, direct_to_reverb_db=-15.0, seed=1).response(RATE).samples
        write(tmp_path / f"{name}.wav", response, RATE, sample_format="float")
    around = Surroundings([str(tmp_path / f"{name}.wav") for name in ("long", "short", "fits")])
    assert [Path(path).stem for path in around.rooms_like(profile().t60_s)] == ["fits"]


def test_the_same_hall_is_not_told_apart_and_another_is(music: list[Floats]) -> None:
    rooms = [Room(t60_s=(2.0,) * 7, direct_to_reverb_db=-5.0, seed=n) for n in range(2)]
    one, two = ([observe(rooms[n].apply(song, RATE)) for song in music] for n in range(2))
    clean = [observe(song) for song in music]
    assert compare(one, two).energy_distance < compare(one, clean).energy_distance
    with pytest.raises(InputError, match="fewer than"):
        compare(one, [])


def test_the_command_measures_what_it_can_and_says_what_it_cannot(
    show_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, report = tmp_path / "venue.json", tmp_path / "venue.html"
    command = [
        "concert",
        "measure",
        str(show_file),
        str(tmp_path / "no\x1b[2J.wav"),
        "-o",
        str(out),
        "--json",
    ]
    with pytest.raises(SystemExit) as left:
        main([*command, "--report", str(report)])
    said = capsys.readouterr()
    assert left.value.code == 2
    assert "no such file" in said.err
    assert "\x1b" not in said.err
    measured = Profile.from_json(said.out)
    assert Venue.load(out).recordings == (measured,)
    assert measured.music_s >= 30
    assert "What the hall and the phone did" in report.read_text()
    with pytest.raises(SystemExit) as left:
        main(command)
    assert left.value.code == 2
    assert "--force" in capsys.readouterr().err
    (tmp_path / "text.wav").write_text("not sound")
    again = [*command[:3], "-o", str(tmp_path / "new.json")]
    for more, reason in (
        (["--report", str(tmp_path / "new.json")], "give the report another name"),
        (["--prepared", str(tmp_path)], "only --music simulates"),
        (["--prepared", str(tmp_path), "--music", str(show_file)], "is not a prepared folder"),
        (["--music", str(tmp_path / "text.wav")], "is a text file"),
    ):
        with pytest.raises(SystemExit) as left:
            main([*again, *more])
        told = capsys.readouterr()
        assert (left.value.code, told.out) == (2, ""), "it is said before anything is measured"
        assert reason in told.err
