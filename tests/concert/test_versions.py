"""Songs played again: the front end, keys by turning, matching at other tempi, training pairs, packs, answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from tonewheel.audio.encode import write
from tonewheel.cli.main import main
from tonewheel.core.errors import InputError, ModelMismatchError, TonewheelError
from tonewheel.core.records import write_jsonl
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.identify import describe, identify_file
from tonewheel.systems.concert.match import SongMatch
from tonewheel.systems.concert.pack import Pack
from tonewheel.systems.concert.prepare import PreparedTrack
from tonewheel.systems.concert.versions import calibrate, fuse
from tonewheel.systems.concert.versions import evaluate as evaluating
from tonewheel.systems.concert.versions.band import SOUNDFONT, rearrange, sound
from tonewheel.systems.concert.versions.bank import FOLDER, BankSong, Job, Rendition, build
from tonewheel.systems.concert.versions.embed import BLOCK_S, VersionEmbedder
from tonewheel.systems.concert.versions.encoder import VersionEncoder, learn
from tonewheel.systems.concert.versions.piece import Line, Piece, Tone, from_midi
from tonewheel.systems.concert.versions.pitches import PitchSpec, pitch_map
from tonewheel.systems.concert.versions.recipe import VersionRecipe
from tonewheel.systems.concert.versions.sequence import VersionMatch, Versions, unit
from tonewheel.systems.concert.versions.views import moments

RATE = 16_000


def melody(
    seed: int, *, semitones: int = 0, tempo: float = 1.0, partials: int = 4, count: int = 40
) -> np.ndarray:
    """Chords of three notes drawn by `seed`, half a second each, as a sum of sines."""
    rng = np.random.default_rng(seed)
    chords = 57 + rng.integers(0, 24, (count, 3)) + semitones
    length = round(RATE * 0.5 / tempo)
    at = np.arange(length) / RATE
    fade = np.minimum(1, np.minimum(at, at[::-1]) / 0.01)
    notes = []
    for chord in chords:
        hz = 440 * 2.0 ** ((chord - 69) / 12)
        tone = sum(np.sin(2 * np.pi * f * k * at) / k**1.5 for f in hz for k in range(1, partials + 1))
        notes.append(tone * fade)
    return (np.concatenate(notes) * 0.1).astype(np.float32)


def test_a_pitch_map_does_not_hear_level_or_tone_control() -> None:
    plain = melody(1)
    # A gentle shelf: a one-pole mix that raises what is low by some decibels.
    low = np.convolve(plain, np.ones(8) / 8, "same").astype(np.float32)
    told = pitch_map(plain)
    assert np.allclose(told, pitch_map(plain * np.float32(0.01)), atol=2e-2)
    assert np.corrcoef(told.ravel(), pitch_map(plain + 2 * low).ravel())[0, 1] > 0.9


@given(st.integers(0, 9_000))
@settings(max_examples=8, deadline=None)
def test_a_pitch_map_of_wild_input_is_finite(samples: int) -> None:
    rng = np.random.default_rng(samples)
    for audio in (rng.normal(0, 1e3, samples), np.zeros(samples), np.full(samples, 1e-12)):
        told = pitch_map(audio.astype(np.float32))
        assert told.shape[0] == PitchSpec().bins
        assert told.shape[1] >= 1
        assert np.isfinite(told).all()
        assert (told >= 0).all()


def renditions(seed: int, moments: int = 40) -> np.ndarray:
    """Three renditions of a song that agree in the sum of two numbers of a patch and in nothing else."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(1, moments, 12))
    apart = rng.normal(size=(3, moments, 12))
    noise = 0.1 * rng.normal(size=(3, moments, 12, 3))
    noise[..., 0] += own + apart
    noise[..., 1] += own - apart
    noise[..., 2] += 5 * rng.normal(size=(3, moments, 12))
    return noise.astype(np.float32)


def test_a_semitone_is_a_turn_of_the_table() -> None:
    encoder = learn([renditions(seed) for seed in range(4)], size=2, shrink=0.01).encoder
    rows = renditions(9)[0]
    plain = encoder(rows).reshape(-1, 12, 2)
    for key in (1, 5, 11):
        assert np.allclose(
            encoder(np.roll(rows, key, axis=1)).reshape(-1, 12, 2), np.roll(plain, key, axis=1), atol=1e-5
        )
    assert np.allclose(np.linalg.norm(encoder(rows), axis=1), 1.0, atol=1e-5)


def test_what_renditions_have_in_common_is_learned() -> None:
    learned = learn([renditions(seed) for seed in range(8)], size=1, shrink=0.001)
    # The same sum as an independent reference: that is all that they share.
    rows = renditions(20)
    shared = rows[..., 0] + rows[..., 1]
    shared /= np.linalg.norm(shared, axis=2, keepdims=True)
    told = np.stack([learned.encoder(one) for one in rows])
    assert learned.reliability.min() > 0.9
    again = np.einsum("mc,mc->m", told[0], told[1])
    assert again.mean() > np.einsum("mc,mc->m", shared[0], shared[1]).mean() - 0.02 > 0.9
    assert abs(np.einsum("mc,mc->m", told[0, :-1], told[1, 1:]).mean()) < 0.2  # another moment is another
    with pytest.raises(InputError, match="at least 2"):
        learn([renditions(0)], size=1, shrink=0.01)


def test_the_map_in_the_header_is_the_map_on_the_circle() -> None:
    rng = np.random.default_rng(1)
    kernel, mean = rng.normal(size=(12, 3, 2)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    rows = rng.normal(size=(4, 12, 3)).astype(np.float32)
    slow = np.zeros((4, 12, 2))
    for own in range(12):
        for above in range(12):
            slow[:, own] += (rows[:, (own + above) % 12] - mean) @ kernel[above]
    slow /= np.linalg.norm(slow.reshape(4, -1), axis=1)[:, None, None]
    assert np.allclose(VersionEncoder(mean, kernel)(rows).reshape(4, 12, 2), slow, atol=1e-5)


@given(st.integers(0, 11), st.sampled_from([0.94, 1.0, 1.06]), st.integers(1, 40))
@settings(max_examples=15, deadline=None)
def test_matching_agrees_with_a_plain_loop(key: int, tempo: float, windows: int) -> None:
    rng = np.random.default_rng(windows)
    songs = [rng.normal(size=(n, 24)).astype(np.float32) for n in (9, 50)]
    query = rng.normal(size=(windows, 24)).astype(np.float32)
    found = Versions(songs, 0.5, tempi=(tempo,)).scores(query)[key, 0]
    first = 0
    for song in songs:
        rows, turned = unit(song), np.roll(unit(query).reshape(-1, 12, 2), -key, axis=1).reshape(-1, 24)
        for start in range(0, len(song), 7):
            places = [(i, start + round(i * tempo)) for i in range(windows)]
            score = sum(float(turned[i] @ rows[p]) for i, p in places if p < len(rows)) / windows
            assert found[first + start] == pytest.approx(score, abs=1e-5)
        first += len(song)


def test_a_song_may_have_several_references() -> None:
    plain = VersionEmbedder()
    songs = [plain.embed(melody(seed)) for seed in range(3)]
    catalogue = Versions(songs, plain.hop_s, song_of=(0, 1, 0))
    for seed, song in ((0, 0), (1, 1), (2, 0)):
        ranked = catalogue.rank(plain.embed(melody(seed, semitones=-4)[RATE * 2 : RATE * 14]))
        assert [one.song for one in ranked] == [song, 1 - song]
        assert ranked[0].semitones == -4


def test_chroma_knows_a_melody_in_another_key_tempo_and_sound() -> None:
    plain = VersionEmbedder()
    songs = [plain.embed(melody(seed)) for seed in range(8)]
    catalogue = Versions(songs, plain.hop_s)
    for song in (0, 3, 7):
        again = melody(song, semitones=3, tempo=1.05, partials=9)
        best = catalogue.rank(plain.embed(again[RATE * 2 : RATE * 18]))[0]
        assert (best.song, best.semitones) == (song, 3)
        assert best.tempo == pytest.approx(1.05, abs=0.045)
        assert best.position_s == pytest.approx(2 * 1.05, abs=0.6)


def test_blocks_are_embedded_as_the_whole() -> None:
    plain = learned_embedder()
    audio = np.tile(melody(2), 14)[: (2 * BLOCK_S + 15) * RATE]
    whole = plain.embed(audio)
    rows = plain.embed_blocks(np.array_split(audio, 40))
    assert rows.shape == whole.shape
    assert np.allclose(rows, whole, atol=1e-4)
    assert plain.embed_blocks([]).shape == (1, plain.size)


def learned_embedder() -> VersionEmbedder:
    recipe = VersionRecipe()
    patch = recipe.patch.spec().size
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(12, patch, recipe.size)).astype(np.float32)
    return VersionEmbedder(VersionEncoder(rng.random(patch).astype(np.float32), kernel), recipe, "drawn")


def test_moments_of_two_renditions_are_the_same_beats() -> None:
    beats = np.arange(0, 60, 0.5).tolist()
    a = Rendition(file="a", semitones=0, by="synth", seconds=60, beats=tuple((b, b) for b in beats))
    slow = tuple((b, 1.0 + b * 1.05) for b in beats)
    b = Rendition(file="b", semitones=3, by="synth", seconds=70, beats=slow)
    song = BankSong(song="x", split="train", kind="synth", licence="CC0-1.0", renditions=(a, b))
    at = moments(song)
    assert at.shape[1] > 100
    assert np.allclose(at[1], 1.0 + 1.05 * at[0])
    # A section that the other band leaves out is nowhere in it.
    gap = tuple((x, x if x < 20 else x + 20) for x in beats if not 20 <= x < 30)
    short = Rendition(file="c", semitones=0, by="synth", seconds=80, beats=gap)
    at = moments(structs.replace(song, renditions=(a, short)))
    assert not ((at[0] > 20) & (at[0] < 30)).any()
    assert at.shape[1] > 60


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder of real tracks and of songs played again, all of them melodies."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "tracks").mkdir()
    write_jsonl(folder / "ambience.jsonl", [])
    tracks = []
    for number, split in enumerate(("valid", "test")):
        np.save(folder / f"tracks/{split}.npy", (melody(90 + number, count=28) * 32767).astype(np.int16))
        tracks.append(
            PreparedTrack(
                title=split,
                group=split,
                split=split,
                licence="CC0-1.0",
                file=f"tracks/{split}.npy",
                seconds=14.0,
            )
        )
    write_jsonl(folder / "tracks.jsonl", tracks)

    def job(split: str, number: int) -> Job:
        def play() -> Iterator[tuple[np.ndarray, int, np.ndarray, str]]:
            at = np.arange(0, 14, 0.5)
            for key, tempo, partials in ((0, 1.0, 4), (3, 1.05, 7)):
                audio = melody(number, semitones=key, tempo=tempo, partials=partials, count=28)
                yield audio, key, np.stack([at, at / tempo], 1), "sines"

        return Job(f"{split}-{number}", split, "synth", "CC0-1.0", play)

    jobs = [job(split, 10 * n + i) for n, split in enumerate(("train", "valid", "test")) for i in range(3)]
    assert build(jobs, folder / FOLDER) == []
    return folder


def test_the_life_of_the_version_encoder(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (evaluating, calibrate):
        monkeypatch.setattr(module, "SNRS_DB", (10.0,))
        monkeypatch.setattr(module, "LENGTHS_S", (6.0,))
    run, report = tmp_path / "run", tmp_path / "report"
    settings = ["--recipe", "smoke", "--set", "queries=6"]
    assert_runs("concert", "train", str(made), "-o", str(run), "--versions", *settings, "--json")
    weights = run / "versions.safetensors"
    loaded = VersionEmbedder.load(weights)
    assert loaded.embed(melody(1)).shape == (40, loaded.size)
    assert loaded.fingerprint in (run / "versions.md").read_text()
    before = weights.read_bytes()
    assert_runs("concert", "train", str(made), "-o", str(run), "--versions", *settings)  # the views are there
    assert weights.read_bytes() == before
    again = ["--versions", "--version-weights", str(weights), "--count", "10"]
    assert_runs("concert", "evaluate", str(made), "-o", str(report), *again)
    told = capfd.readouterr().out
    assert "Played again" in told
    assert "chroma (CENS)" in told
    assert (report / "versions.html").is_file()
    with pytest.raises(TonewheelError):
        VersionEmbedder.load(Embedder.shipped().path or weights)


def assert_runs(*command: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(list(command))
    assert not left.value.code


def test_fusion_asks_who_knows() -> None:
    rng = np.random.default_rng(0)
    queries, songs = 400, 12
    right = rng.integers(0, songs, queries)
    own = np.arange(queries), right
    near, far = rng.normal(0.2, 0.05, (2, queries, songs))
    near[own] += np.where(np.arange(queries) % 2, 0.5, 0.0)  # every second is the record itself
    far[own] += 0.15
    rows = np.full(queries, 12)
    fusion = fuse.fit(near, far, rows, right)

    def best(weights: tuple[float, float]) -> float:
        return float((np.argmax(weights[0] * near + weights[1] * far, axis=1) == right).mean())

    fused = best((fusion.fingerprint, fusion.version))
    assert fused > max(best((1, 0)), best((0, 1))) + 0.01
    # A song that is in no catalogue is not believed.
    believed = 0
    for query in range(queries):
        ranked = fusion.rank(
            [SongMatch(s, float(near[query, s]), 0.0) for s in range(songs) if s != right[query]],
            [VersionMatch(s, float(far[query, s]), 0.0, 0, 1.0) for s in range(songs) if s != right[query]],
        )
        believed += fusion.odds(ranked, 12) >= fusion.least_odds
    assert believed <= queries // 50


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracks")
    for seed in range(5):
        write(folder / f"song{seed}.wav", melody(seed), RATE)
    return folder


def test_a_pack_with_version_rows_names_what_is_played_again(tracks: Path, tmp_path: Path) -> None:
    embedder, plain = Embedder.shipped(), VersionEmbedder()
    references = [(f"song{i}", tracks / f"song{i}.wav") for i in range(5)]
    with_rows, _ = Pack.build(references, embedder, plain)
    without, _ = Pack.build(references, embedder)
    with_rows.write(tmp_path / "two.pack")
    without.write(tmp_path / "one.pack")
    assert b"concert pack 1" in (tmp_path / "one.pack").read_bytes()
    assert b"versions" not in (tmp_path / "one.pack").read_bytes()  # as an older reader knows it
    again = tmp_path / "again.wav"
    write(again, melody(3, semitones=-2, tempo=0.96, partials=8), RATE)
    answers = [
        identify_file(again, Pack.read(tmp_path / name, embedder), embedder, plain)
        for name in ("two.pack", "one.pack")
    ]
    assert answers[1].song is None
    assert (answers[0].song, answers[0].semitones) == ("song3", -2)
    assert "played again -2 semitones" in describe(answers[0])
    # The record itself is still the fingerprint's.
    record = identify_file(references[1][1], Pack.read(tmp_path / "two.pack", embedder), embedder, plain)
    assert (record.song, record.semitones) == ("song1", None)


def test_damaged_and_foreign_version_rows_are_refused(tracks: Path, tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load_file, save

    embedder = Embedder.shipped()
    made, _ = Pack.build([("a", tracks / "song0.wav")], embedder, VersionEmbedder())
    file = tmp_path / "a.pack"
    made.write(file)
    with safe_open(str(file), framework="np") as opened:
        told = opened.metadata()
    tensors = load_file(str(file))
    rows = tensors["versions"].copy()
    for broken in (None, rows[:-1], rows[:, :-1], rows.astype(np.int16), -rows):
        one = {k: v for k, v in tensors.items() if k != "versions"}
        if broken is not None:
            one["versions"] = np.ascontiguousarray(broken)
        file.write_bytes(save(one, told))
        with pytest.raises(InputError, match="version rows"):
            Pack.read(file, embedder)
    assert made.versions is not None
    with pytest.raises(ModelMismatchError, match="--versions"):
        made.versions.check(VersionEmbedder(fingerprint="other"), file)


def test_the_command_line_packs_versions(tracks: Path, tmp_path: Path) -> None:
    out = tmp_path / "show.pack"
    with pytest.raises(SystemExit) as left:
        main(["concert", "pack", str(tracks), "-o", str(out), "--versions", "--json"])
    assert not left.value.code
    assert Pack.read(out, Embedder.shipped()).versions is not None


def test_scores_that_are_no_scores_are_refused(tmp_path: Path) -> None:
    for content in (
        b"",
        b"MThd",
        b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x00\x60MTrk\x00\x00\x00\x08\x00\x90<",
    ):
        file = tmp_path / "x.mid"
        file.write_bytes(content)
        with pytest.raises(InputError):
            from_midi(file)
    with pytest.raises(InputError, match="no such file"):
        from_midi(tmp_path / "none.mid")


@pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not SOUNDFONT.is_file(), reason="FluidSynth is not installed"
)
def test_a_band_plays_what_is_written() -> None:
    line = Line(0, (Tone(0.0, 2.0, 69, 0.8),))
    playing = rearrange(
        Piece("a", (line,), 2.0), np.random.default_rng(0), semitones=(3, 3), other_instruments=False
    )
    heard = pitch_map(sound(playing.lines)[: 2 * RATE]).mean(axis=1)
    assert int(heard.argmax()) / 2 + 48 == 72
