"""Songs played again: the front end, keys by turning, matching at other tempi, training pairs, packs, answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.audio.encode import write
from tonewheel.cli.main import main
from tonewheel.core.errors import InputError, ModelMismatchError, TonewheelError
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.identify import describe, identify_file
from tonewheel.systems.concert.match import SongMatch
from tonewheel.systems.concert.pack import Pack
from tonewheel.systems.concert.versions import fuse
from tonewheel.systems.concert.versions.band import SOUNDFONT, rearrange, sound
from tonewheel.systems.concert.versions.bank import Rendition
from tonewheel.systems.concert.versions.data import rows_of
from tonewheel.systems.concert.versions.embed import BLOCK_S, VersionEmbedder
from tonewheel.systems.concert.versions.net import VersionEncoder, all_keys, contrast
from tonewheel.systems.concert.versions.piece import Line, Piece, Tone, from_midi
from tonewheel.systems.concert.versions.pitches import PitchSpec, pitch_map
from tonewheel.systems.concert.versions.recipe import VersionEncoderRecipe, VersionRecipe
from tonewheel.systems.concert.versions.sequence import VersionMatch, Versions, unit

RATE = 16_000


def melody(seed: int, *, semitones: int = 0, tempo: float = 1.0, partials: int = 4) -> np.ndarray:
    """Forty chords of three notes drawn by `seed`, half a second each, as a sum of sines."""
    rng = np.random.default_rng(seed)
    chords = 57 + rng.integers(0, 24, (40, 3)) + semitones
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


def test_a_semitone_is_a_turn_of_the_table() -> None:
    torch.manual_seed(0)
    encoder = VersionEncoder(VersionEncoderRecipe(), 2, 5).eval()
    # In the middle of the five octaves, so that nothing is moved over their edge.
    pitches = torch.zeros(1, 120, 64)
    pitches[0, 48:72] = torch.rand(24, 64)
    tables = encoder(pitches)[0].detach()
    higher = encoder(pitches.roll(2 * 5, dims=1))[0].detach()
    cosines = all_keys(tables, higher)[:, torch.arange(8), torch.arange(8)]
    assert bool((cosines.argmax(dim=0) == 5).all())
    assert float(cosines[5].min()) > 0.9  # the ends of the five octaves are felt in the middle a little


def test_the_loss_falls_with_the_right_key_and_only_with_it() -> None:
    torch.manual_seed(0)
    tables = torch.nn.functional.normalize(torch.randn(6, 12, 4).flatten(1)).unflatten(1, (12, 4))
    song = torch.arange(6) // 2
    keys = torch.tensor([0, 1, 3, 5, 7, 11])
    others = torch.stack([table.roll(int(k), dims=0) for table, k in zip(tables, keys, strict=True)])
    right = contrast(tables, others, keys, song, 0.1)
    wrong = contrast(tables, others, (keys + 1) % 12, song, 0.1)
    assert float(right) < 0.1 < float(wrong)


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
    plain = VersionEmbedder()
    audio = np.tile(melody(2), 7)[: (BLOCK_S + 15) * RATE]
    whole = plain.embed(audio)
    rows = plain.embed_blocks(np.array_split(audio, 40))
    assert rows.shape == whole.shape
    inside = np.abs(np.arange(len(rows)) - 2 * BLOCK_S) > 4  # beside the seam the neighbourhood is another
    assert np.allclose(rows[inside], whole[inside], atol=1e-4)


def test_rows_of_two_renditions_are_the_same_beats() -> None:
    beats = np.arange(0, 60, 0.5)
    a = Rendition(file="a", semitones=0, by="synth", seconds=60, beats=tuple((b, b) for b in beats.tolist()))
    slow = tuple((b, 1.0 + b * 1.05) for b in beats.tolist())
    b = Rendition(file="b", semitones=3, by="synth", seconds=70, beats=slow)
    rows, start = rows_of(a, b, 10.0, 20.0)
    assert start == pytest.approx(RATE * (1 + 10 * 1.05), abs=2)
    assert all(abs(j - i * 1.05) <= 0.51 for i, j in rows)
    assert len(rows) > 30
    # A section that the other band leaves out is nowhere in it.
    gap = tuple((x, x if x < 20 else x + 20) for x in beats.tolist() if not 20 <= x < 30)
    rows, _ = rows_of(a, Rendition(file="c", semitones=0, by="synth", seconds=80, beats=gap), 10.0, 20.0)
    assert rows
    assert all(10 + i / 2 < 20 for i, _ in rows)


def test_version_weights_are_read_back_and_those_of_others_refused(tmp_path: Path) -> None:
    from tonewheel.learn.checkpoint import save_model
    from tonewheel.systems.concert.versions.embed import KIND
    from tonewheel.systems.concert.versions.train import encoder_of

    recipe = VersionRecipe()
    encoder = encoder_of(recipe)
    file = tmp_path / "versions.safetensors"
    save_model(file, encoder.state_dict(), {"kind": KIND, "recipe": recipe.to_dict()})
    loaded = VersionEmbedder.load(file)
    audio = melody(4)
    assert np.allclose(loaded.embed(audio), VersionEmbedder(encoder, recipe).embed(audio), atol=1e-6)
    assert loaded.embed(audio).shape[1] == loaded.size
    with pytest.raises(TonewheelError):
        VersionEmbedder.load(Embedder.shipped().path or file)


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
