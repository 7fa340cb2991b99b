"""Sound from files, pipes and devices: the same samples, at the encoder's rate, in mono."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tonewheel.audio.encode import write
from tonewheel.audio.wav import wav_header_bytes
from tonewheel.core.errors import InputError
from tonewheel.systems.concert.source import Clock, open_source, paced

RATE = 16_000


def tone(seconds: float, rate: int = RATE) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def test_a_file_and_a_pipe_give_the_same_sound(tmp_path: Path) -> None:
    sound = tone(3.0, 44_100)
    write(tmp_path / "a.wav", np.stack([sound, sound]), 44_100)
    content = (tmp_path / "a.wav").read_bytes()
    from_file = np.concatenate(list(open_source(str(tmp_path / "a.wav"), RATE)))
    from_pipe = np.concatenate(list(open_source("-", RATE, stdin=io.BytesIO(content))))
    assert from_file.shape == (3 * RATE,)
    np.testing.assert_allclose(from_file, from_pipe, atol=1e-6)
    middle = slice(RATE // 2, -RATE // 2)
    np.testing.assert_allclose(from_file[middle], tone(3.0)[middle], atol=1e-3)


def test_raw_pcm_is_read_as_it_is_described() -> None:
    stereo = np.stack([tone(1.0), -tone(1.0)], axis=1)
    stereo[:, 1] = 0
    data = (stereo * 32767).astype("<i2").tobytes()
    blocks = open_source("-", RATE, pcm=(RATE, 2, "s16le"), stdin=io.BytesIO(data))
    np.testing.assert_allclose(np.concatenate(list(blocks)), tone(1.0) / 2, atol=1e-4)


def test_a_pipe_is_heard_before_it_ends() -> None:
    class Pipe(io.RawIOBase):
        """Gives 0.1 s a read and notes how far it was read."""

        def __init__(self) -> None:
            self.given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            count = min(len(buffer), 3200)
            buffer[:count] = bytes(count)
            self.given += count
            return count

    pipe = Pipe()
    blocks = open_source("-", RATE, stdin=io.BufferedReader(pipe, buffer_size=3200))
    next(blocks)
    assert pipe.given <= 2 * 3200


def test_realtime_holds_every_block_until_it_would_be_over() -> None:
    clock = SimpleNamespace(now_s=100.0)
    given: list[tuple[float, float]] = []

    def wait(seconds: float) -> None:
        clock.now_s += seconds

    heard_s = 0.0
    for block in paced(iter([tone(0.5), tone(0.25), tone(1.0)]), RATE, Clock(lambda: clock.now_s, wait)):
        heard_s += len(block) / RATE
        given.append((clock.now_s - 100.0, heard_s))
        clock.now_s += 0.1  # what the listener takes
    assert given == [(0.5, 0.5), (0.75, 0.75), (1.75, 1.75)]


def test_realtime_that_is_late_does_not_wait() -> None:
    times = iter([0.0, 5.0, 6.0])
    waits: list[float] = []
    list(paced([tone(0.5), tone(0.5)], RATE, Clock(lambda: next(times), waits.append)))
    assert waits == []


@pytest.mark.parametrize(
    ("pcm", "reason"),
    [
        ((RATE, 1, "s16el"), 'did you mean "s16le"'),
        ((1, 1, "s16le"), "1 Hz"),
        ((768_000, 1, "s16le"), "768000 Hz"),
        ((RATE, 64, "s16le"), "64 channels"),
        ((RATE, 0, "s16le"), "0 channels"),
        ((-5, 1, "s16le"), "-5 Hz"),
    ],
    ids=str,
)
def test_pcm_that_cannot_be_is_refused_at_once(pcm: tuple[int, int, str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        open_source("-", RATE, pcm=pcm, stdin=io.BytesIO(bytes(100)))


@pytest.mark.parametrize("content", [b"", wav_header_bytes(RATE, 1, "s16le", None), b"\x01"])
def test_a_pipe_without_sound_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="standard input"):
        list(open_source("-", RATE, stdin=io.BytesIO(content)))


def test_nan_in_a_pipe_is_refused_with_its_place() -> None:
    sound = tone(2.0)
    sound[RATE] = np.nan
    with pytest.raises(InputError, match=r"1\.000 s"):
        list(open_source("-", RATE, pcm=(RATE, 1, "f32le"), stdin=io.BytesIO(sound.tobytes())))


def test_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(closed=False, isatty=lambda: True))
    with pytest.raises(InputError, match="terminal"):
        open_source("-", RATE)


@pytest.mark.parametrize(
    ("source", "device"), [("device", None), ("device:USB Mic", "USB Mic"), ("device:3", 3)]
)
def test_a_device_is_opened_by_name_or_number(
    source: str, device: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []

    class Stream:
        def __init__(self, **options: object) -> None:
            opened.append((options["device"], options["samplerate"]))

        def __enter__(self) -> Stream:
            return self

        def __exit__(self, *_: object) -> None: ...

        def read(self, count: int) -> tuple[np.ndarray, bool]:
            return np.full((count, 1), 0.25, np.float32), False

    fake = SimpleNamespace(InputStream=Stream, PortAudioError=OSError)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    blocks = open_source(source, RATE)
    block = next(blocks)
    assert opened == [(device, RATE)]
    assert block.ndim == 1
    assert (block == 0.25).all()
