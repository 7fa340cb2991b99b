"""Which song is playing, live, from an exported encoder and a pack: numpy and onnxruntime, no torch, no Tonewheel.

    tonewheel concert export --to int8 -o concert.onnx
    arecord -q -r 16000 -c 1 -f S16_LE -t raw | python examples/stream_concert.py concert.onnx show.pack

Everything it needs to know is in the two files: lengths, hop and decision rule in the model's metadata, songs and
embeddings in the pack (a safetensors file: eight bytes of length, JSON, numbers). It decides as the simple gate of
`concert listen` does: single windows of 2 s, two of the last three must name one song at one place.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import onnxruntime

GIVE_UP_S, SAME_PLACE_S, OF_LAST, VOTES = 6.0, 1.0, 3, 2


class Wrong(Exception):
    """A file is not what it should be; one line says why."""


class Window(NamedTuple):
    """Two seconds: their unit embedding (size,), the log-odds that they are music, and when they ended."""

    embedding: np.ndarray
    music: float
    end_s: float


class Encoder:
    """An exported encoder: blocks of mono sound in, windows out, each part heard once."""

    def __init__(self, path: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            card = json.loads(self.session.get_modelmeta().custom_metadata_map["tonewheel"])["about"]
            if card["kind"] != "concert encoder":
                raise Wrong(f"{path}: holds a {card['kind']}, not a concert encoder")
            self.sha256: str = card["weights_sha256"]
            self.rate, self.part, self.hop = card["sample_rate_hz"], card["part_samples"], card["hop_samples"]
            self.parts: int = card["parts_a_window"]
            self.rule: dict = card["decision"]
        except (KeyError, ValueError, onnxruntime.capi.onnxruntime_pybind11_state.Fail) as error:
            raise Wrong(f"{path}: not an encoder that `tonewheel concert export` wrote") from error
        except Exception as error:  # onnxruntime has a class for every kind of broken file
            if isinstance(error, Wrong):
                raise
            raise Wrong(f"{path}: cannot be read as ONNX ({type(error).__name__})") from error
        self.held = np.zeros(0, np.float32)
        self.recent: deque[tuple[np.ndarray, float]] = deque(
            maxlen=(self.parts - 1) * (self.part // self.hop) + 1
        )
        self.samples = 0

    def push(self, block: np.ndarray) -> Iterator[Window]:
        """The windows that are whole by the end of this block."""
        self.held = np.concatenate([self.held, np.asarray(block, np.float32)])
        while len(self.held) >= self.part:
            rows, music = self.session.run(["embedding", "music"], {"audio": self.held[None, : self.part]})
            self.recent.append((rows[0], float(music[0])))
            self.held = self.held[self.hop :]
            if len(self.recent) == self.recent.maxlen:
                chosen = list(self.recent)[:: self.part // self.hop]
                joined = np.concatenate([row for row, _ in chosen]) / np.sqrt(np.float32(self.parts))
                end_s = (self.samples + self.part) / self.rate
                yield Window(joined, sum(odds for _, odds in chosen) / self.parts, end_s)
            self.samples += self.hop


class Pack:
    """Songs and their windows, as `tonewheel concert pack` wrote them."""

    def __init__(self, path: str, encoder: Encoder) -> None:
        try:
            with open(path, "rb") as file:
                content = file.read()
            (length,) = struct.unpack_from("<Q", content)
            tensors = json.loads(content[8 : 8 + length])
            header = json.loads(tensors["__metadata__"]["tonewheel"])
            first, last = tensors["embeddings"]["data_offsets"]
            rows = np.frombuffer(content[8 + length :][first:last], np.int8)
            rows = rows.reshape(tensors["embeddings"]["shape"]).astype(np.float32)
            counts = [reference["windows"] for reference in header["references"]]
            self.song_of_row = np.repeat([r["song"] for r in header["references"]], counts)
        except (OSError, KeyError, TypeError, ValueError, struct.error) as error:
            raise Wrong(f"{path}: not a pack that `tonewheel concert pack` wrote") from error
        if header["model"] != encoder.sha256:
            raise Wrong(f"{path}: was made with other weights than the encoder's; make it again with these")
        self.rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        self.place_s = np.concatenate([np.arange(count) * header["hop_s"] for count in counts])
        self.songs = list(dict.fromkeys(self.song_of_row.tolist()))

    def rank(self, embedding: np.ndarray) -> list[tuple[float, str, float]]:
        """Cosine, song and place in seconds of every song's best window, best first."""
        cosines = self.rows @ embedding
        found = []
        for song in self.songs:
            of_song = np.flatnonzero(self.song_of_row == song)
            best = of_song[cosines[of_song].argmax()]
            found.append((float(cosines[best]), song, float(self.place_s[best])))
        return sorted(found, reverse=True)


class Vote(NamedTuple):
    """A song, when its beginning was, and the log-odds that it is the one."""

    song: str
    begins_s: float
    odds: float


def vote(window: Window, pack: Pack, encoder: Encoder) -> Vote | None:
    """The song that a window names, if it leads the others."""
    ranked = pack.rank(window.embedding)
    score, song, place_s = ranked[0]
    margin = score - (ranked[1][0] if len(ranked) > 1 else 0.0)
    if margin < encoder.rule["tie_margin"]:
        return None
    features = (score, margin, math.log2(1), score * math.log2(1), window.music)
    odds = encoder.rule["bias"] + sum(w * x for w, x in zip(encoder.rule["weights"], features, strict=True))
    window_s = encoder.parts * encoder.part / encoder.rate
    return Vote(song, window.end_s - window_s - place_s, odds)


def events(blocks: Iterable[np.ndarray], encoder: Encoder, pack: Pack) -> Iterator[dict]:
    """Starts and ends of songs in a stream of mono blocks at the encoder's rate."""
    votes: deque[Vote | None] = deque(maxlen=OF_LAST)
    playing: Vote | None = None
    confirmed_s = now_s = 0.0
    for block in blocks:
        for window in encoder.push(block):
            now_s, found = window.end_s, vote(window, pack, encoder)
            votes.append(found)
            if found is not None:
                alike = sorted(v.odds for v in votes if v is not None and same(v, found))
                agreed = alike[-VOTES] if len(alike) >= VOTES else -math.inf
                if playing is not None and same(found, playing) and found.odds >= encoder.rule["least_odds"]:
                    confirmed_s = now_s
                elif agreed >= encoder.rule["least_live_odds"]:
                    if playing is not None and playing.song != found.song:
                        yield {"time_s": now_s, "event": "song_end", "song": playing.song}
                    if playing is None or playing.song != found.song:
                        place_s = round(max(0.0, now_s - found.begins_s), 2)
                        yield {
                            "time_s": now_s,
                            "event": "song_start",
                            "song": found.song,
                            "position_s": place_s,
                        }
                    playing, confirmed_s = found, now_s
            if playing is not None and now_s - confirmed_s > GIVE_UP_S:
                yield {"time_s": confirmed_s, "event": "song_end", "song": playing.song}
                playing = None
    if playing is not None:
        yield {"time_s": now_s, "event": "song_end", "song": playing.song}


def same(one: Vote, other: Vote) -> bool:
    """Whether two votes name one song at one place."""
    return one.song == other.song and abs(one.begins_s - other.begins_s) <= SAME_PLACE_S


def from_stdin(seconds: float, rate: int) -> Iterator[np.ndarray]:
    """Blocks of raw 16-bit mono from a pipe."""
    size = round(seconds * rate) * 2
    while content := sys.stdin.buffer.read(size):
        yield np.frombuffer(content[: len(content) // 2 * 2], "<i2").astype(np.float32) / 32768


def main(arguments: list[str]) -> int:
    """0 when a song was heard, 1 when none was, 2 when a file is not what it should be."""
    if len(arguments) != 2:
        print("usage: stream_concert.py ENCODER.onnx SHOW.pack < raw 16-bit mono", file=sys.stderr)
        return 2
    try:
        encoder = Encoder(arguments[0])
        pack = Pack(arguments[1], encoder)
    except Wrong as wrong:
        print(wrong, file=sys.stderr)
        return 2
    heard = False
    for event in events(from_stdin(0.25, encoder.rate), encoder, pack):
        heard = True
        print(json.dumps(event), flush=True)
    return 0 if heard else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
