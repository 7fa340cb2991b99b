"""Whatever a file holds, it decodes to finite audio or gives one clear InputError, and stderr stays clean."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tonewheel.audio.decode import blocks, load, probe
from tonewheel.audio.encode import write
from tonewheel.audio.wav import wav_header_bytes
from tonewheel.core.errors import InputError

TONE = (0.5 * np.sin(np.arange(24_000) * 0.1)).astype(np.float32)


def refused(path: Path | str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_what_is_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "gone.wav", "no such file")
    refused(tmp_path, "is a directory")
    (tmp_path / "empty.mp3").touch()
    refused(tmp_path / "empty.mp3", r"is empty \(0 bytes\)")
    os.mkfifo(tmp_path / "pipe.wav")
    refused(tmp_path / "pipe.wav", "is a pipe or device")
    refused("http://example.org/a.mp3", "no such file")
    refused("concat:a.wav|b.wav", "no such file")


def test_a_text_file_called_wav(tmp_path: Path) -> None:
    (tmp_path / "lyrics.wav").write_text("Hello darkness my old friend\n" * 10)
    refused(tmp_path / "lyrics.wav", "is a text file; expected audio: wav, flac")


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "list.m4a").write_text("#EXTM3U\nhttp://localhost:1/secret.mp3\n")
    refused(tmp_path / "list.m4a", "is a text file")


def test_a_wav_of_0_seconds(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nothing.wav", np.zeros(0), 16_000)
    refused(tmp_path / "nothing.wav", r"holds no sound \(0 s\)")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.nan, r"the sample at 1\.250 s is not a number"),
        (-np.inf, r"at 1\.250 s is infinite"),
        (32767.0, r"at 1\.250 s is 3\.277e\+04; expected about -1 to 1\. Are these integers"),
    ],
)
def test_samples_that_are_not_sound(tmp_path: Path, value: float, reason: str) -> None:
    samples = np.zeros((32_000, 2), np.float32)
    samples[20_000, 1] = value
    soundfile.write(tmp_path / "broken.wav", samples, 16_000, subtype="FLOAT")
    refused(tmp_path / "broken.wav", reason)
    audio, _ = load(tmp_path / "broken.wav", duration_s=1.0)  # the part before it is sound
    assert len(audio) == 16_000


@pytest.mark.parametrize("sample_rate_hz", [1, 768_000])
def test_absurd_rates_are_refused_with_both_limits(tmp_path: Path, sample_rate_hz: int) -> None:
    soundfile.write(tmp_path / "rate.wav", TONE, sample_rate_hz)
    refused(tmp_path / "rate.wav", f"is {sample_rate_hz} Hz; expected 2000 to 384000 Hz")
    with pytest.raises(InputError):
        probe(tmp_path / "rate.wav")


def test_64_channels(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "many.wav", np.zeros((100, 64)), 16_000)
    refused(tmp_path / "many.wav", "has 64 channels; expected 1 to 32")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".mp4", ".mkv"])
def test_a_file_cut_in_half_is_named(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"whole{suffix}", np.tile(TONE, 4), 24_000)
    data = (tmp_path / f"whole{suffix}").read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(data[: len(data) // 2])
    refused(cut, "is truncated: it ends after|cannot be decoded")
    if suffix in (".wav", ".mp3"):
        refused(cut, r"its header promises 4\.00 s")
        given = blocks(cut, block_s=0.5)
        for _ in range(3):  # what could be decoded comes first
            assert next(given).shape == (1, 12_000)


def test_a_wav_whose_sizes_were_never_filled_in_is_whole(tmp_path: Path) -> None:
    """ffmpeg writes 0xFFFFFFFF into a pipe, others 0."""
    pcm = (TONE * 32767).astype("<i2").tobytes()
    for size in (0, 0xFFFFFFFF):
        path = tmp_path / f"piped{size}.wav"
        header = wav_header_bytes(24_000, 1, "s16le", None)
        path.write_bytes(header[:40] + struct.pack("<I", size) + pcm)
        audio, _ = load(path)
        np.testing.assert_allclose(audio, TONE, atol=1e-4)


def test_a_video_without_sound(tmp_path: Path) -> None:
    import av

    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    refused(path, "holds video but no sound")


def test_a_start_past_the_end(tmp_path: Path) -> None:
    write(tmp_path / "short.wav", TONE, 24_000)
    with pytest.raises(InputError, match=r"the start at 30 s is past the end \(1 s\)"):
        load(tmp_path / "short.wav", start_s=30)
    with pytest.raises(InputError, match="holds nothing"):
        load(tmp_path / "short.wav", start_s=0.5, duration_s=0.0)


def seeds(folder: Path) -> dict[str, bytes]:
    out = {}
    for suffix in (".wav", ".flac", ".mp3", ".ogg", ".m4a", ".mkv"):
        path = folder / f"seed{suffix}"
        if not path.exists():
            write(path, TONE[:9_000], 24_000)
        out[suffix] = path.read_bytes()
    return out


def decodes_or_is_refused(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    try:
        for block in blocks(path, sample_rate_hz=16_000):
            assert np.isfinite(block).all()
    except InputError as error:
        told = str(error)
    else:
        told = str(path)
    assert told.startswith(str(path))
    assert "\n" not in told
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out == ""


FUZZ = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@FUZZ
@given(data=st.data(), suffix=st.sampled_from([".wav", ".flac", ".mp3", ".ogg", ".m4a", ".mkv"]))
def test_truncated_and_damaged_files(
    data: st.DataObject, suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = seeds(tmp_path)[suffix]
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)), label="length")])
    for at, value in data.draw(
        st.lists(
            st.tuples(st.integers(0, 400) | st.integers(0, len(whole)), st.integers(0, 255)), max_size=12
        )
    ):
        if at < len(damaged):
            damaged[at] = value
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(damaged)
    decodes_or_is_refused(path, capfd)


@FUZZ
@given(
    head=st.sampled_from(
        [
            b"",
            b"RIFF\xff\xff\xff\xffWAVE",
            b"fLaC",
            b"OggS",
            b"ID3\x04",
            b"\xff\xfb\x90\x44",
            b"\x00\x00\x00\x18ftyp",
            b"\x1aE\xdf\xa3",
            b"\xff\xf1",
            b"FORM",
            b".snd",
            b"caff",
        ]
    ),
    tail=st.binary(max_size=600),
)
def test_random_bytes(head: bytes, tail: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "random.wav"
    path.write_bytes(head + tail)
    decodes_or_is_refused(path, capfd)
