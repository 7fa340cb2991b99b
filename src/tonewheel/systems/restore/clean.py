"""Take the noise out of a recording and leave the music: measure, then clean in a stream.

    measure   one pass: what damage is there at all (the profile), and so what is done (the plan)
    first     clicks and crackle, hum, rumble, offset; meanwhile the hiss that is left is measured
    second    hiss, over the floor just measured

Rate, channels, length and sample format stay, nothing is delayed, and memory does not grow with the recording: between
the passes the sound lies in a temporary file. The ladder, each step usable alone: `Cleaner.process` (an array) <
`Cleaner.clean` (a file to a file).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.checks import SampleFormat
from tonewheel.audio.decode import blocks, probe, regular_blocks
from tonewheel.audio.encode import Writer
from tonewheel.audio.loudness import LoudnessMeter
from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.systems.restore.clicks.declicker import Click, Declicker
from tonewheel.systems.restore.hiss.denoiser import Denoiser, Floor
from tonewheel.systems.restore.plan import PARTS, Part, Plan, plan_for
from tonewheel.systems.restore.profile import Profile
from tonewheel.systems.restore.stages import (
    ClicksStage,
    HissStage,
    Stage,
    hum_stage,
    rumble_stage,
    run,
)

Audio = NDArray[np.float32]
Blocks = Callable[[], Iterable[Audio]]
"""Gives the sound from its beginning, as (channels, n) blocks, as often as it is called."""

BLOCK_S = 2.0
IN_MEMORY_BYTES = 64 * 2**20
"""Sound between the passes up to this size stays in memory."""


class Levels(Record):
    """How loud a recording is."""

    loudness_lufs: float | None
    """None for silence."""
    peak: float


class Cleaning(Record):
    """What was done to one recording."""

    recording: str
    sample_rate_hz: int
    channels: int
    seconds: float
    plan: Plan
    profile: Profile
    before: Levels
    after: Levels
    click_count: int = 0
    clicks: tuple[Click, ...] = ()
    """Every click that was removed, when they were asked for."""
    floors: tuple[Floor, ...] = ()
    """The hiss of each channel, when it was looked for."""

    @property
    def steps(self) -> tuple[str, ...]:
        """What was removed: the plan's steps, without hiss that was too faint to be heard."""
        hissing = any(floor.is_audible for floor in self.floors)
        return tuple(step for step in self.plan.steps if step != "hiss" or hissing)

    @property
    def loudness_change_lu(self) -> float | None:
        """Of the whole recording; None for silence."""
        if self.before.loudness_lufs is None or self.after.loudness_lufs is None:
            return None
        return round(self.after.loudness_lufs - self.before.loudness_lufs, 2)


class Cleaner:
    """The two networks and the order in which everything is done."""

    def __init__(self, declicker: Declicker, denoiser: Denoiser) -> None:
        self.declicker, self.denoiser = declicker, denoiser

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Cleaner:
        """Weights of your own training: a folder with clicks.safetensors and hiss.safetensors."""
        path = Path(folder)
        return cls(Declicker.load(path / "clicks.safetensors"), Denoiser.load(path / "hiss.safetensors"))

    @classmethod
    def shipped(cls) -> Cleaner:
        """The weights that come with Tonewheel."""
        return cls(Declicker.shipped(), Denoiser.shipped())

    def process(
        self,
        audio: NDArray[Any],
        sample_rate_hz: int,
        *,
        only: Sequence[Part] = PARTS,
        strength: float = 1.0,
        plan: Plan | None = None,
    ) -> Audio:
        """Sound in memory, (samples,) or (channels, samples), cleaned; same shape, float32.

        With a `plan` nothing is measured but the hiss.
        """
        planes = np.atleast_2d(np.asarray(audio, np.float32))
        if planes.ndim != 2 or planes.shape[1] == 0:
            raise InputError(
                "audio", f"has shape {np.shape(audio)}, expected (samples,) or (channels, samples)"
            )
        length = max(1, round(BLOCK_S * sample_rate_hz))

        def source() -> Iterator[Audio]:
            return (planes[:, at : at + length] for at in range(0, planes.shape[1], length))

        if plan is None:
            plan = plan_for(measured(source(), sample_rate_hz, "audio"), only, strength)
        cleaned = np.concatenate(list(self.passes(source, sample_rate_hz, len(planes), plan)), axis=1)
        return cleaned[0] if np.ndim(audio) == 1 else cleaned

    def passes(
        self,
        source: Blocks,
        sample_rate_hz: int,
        channels: int,
        plan: Plan,
        *,
        heard: Callable[[Sequence[Click]], None] = lambda clicks: None,
        floors: list[Floor] | None = None,
        scratch_folder: Path | None = None,
    ) -> Iterator[Audio]:
        """Cleaned blocks of a recording; the floors that were measured are put into `floors`."""
        stages: list[Stage] = []
        if plan.clicks:
            stages.append(ClicksStage(self.declicker, sample_rate_hz, channels, plan.strength, heard))
        if plan.hum is not None:
            stages.append(hum_stage(plan.hum, sample_rate_hz, channels, plan.strength))
        if plan.rumble_hz is not None or plan.offsets:
            offsets = plan.offsets or (0.0,) * channels
            stages.append(rumble_stage(plan.rumble_hz, offsets, sample_rate_hz, plan.strength))
        first = run(source(), stages)
        if not plan.hiss:
            yield from first
            return
        meters = [self.denoiser.meter(sample_rate_hz) for _ in range(channels)]
        with Scratch(channels, scratch_folder) as scratch:
            for block in first:
                scratch.write(block)
                for meter, channel in zip(meters, block, strict=True):
                    meter.push(channel)
            found = [meter.floor() for meter in meters]
            if floors is not None:
                floors.extend(found)
            hiss = HissStage(self.denoiser, sample_rate_hz, found, plan.strength)
            yield from run(scratch.blocks(max(1, round(BLOCK_S * sample_rate_hz))), [hiss])

    def clean(
        self,
        source: str | PathLike[str],
        out: str | PathLike[str],
        *,
        only: Sequence[Part] = PARTS,
        strength: float = 1.0,
        removed: str | PathLike[str] | None = None,
        list_clicks: bool = False,
        force: bool = False,
    ) -> Cleaning:
        """Clean a file; `out` and `removed` are written whole or not at all, in the recording's sample format.

        `removed` is the recording minus the cleaned one, to be listened to; as WAV it is floating point, since
        the difference of two sounds can pass full scale. InputError for what cannot be read, or is there already
        without `force`.
        """
        info = probe(source)
        rate, channels = info.sample_rate_hz, info.channels
        clicks: list[Click] = []
        count = 0

        def heard(found: Sequence[Click]) -> None:
            nonlocal count
            count += len(found)
            if list_clicks:
                clicks.extend(found)

        def read() -> Iterator[Audio]:
            return blocks(source, block_s=BLOCK_S)

        form = info.sample_format
        profile = measured(read(), rate, str(source))
        plan = plan_for(profile, only, strength)
        floors: list[Floor] = []
        meters = LoudnessMeter(rate, channels), LoudnessMeter(rate, channels)
        peaks, samples = [0.0, 0.0], 0
        with ExitStack() as stack:
            writers = [
                stack.enter_context(
                    Writer(path, rate, channels, sample_format=form_for(path, kept), force=force)
                )
                for path, kept in ((out, form), (removed, None))
                if path is not None
            ]
            cleaned = self.passes(
                read, rate, channels, plan, heard=heard, floors=floors, scratch_folder=Path(out).parent
            )
            length = max(1, round(BLOCK_S * rate))
            for was, now in zip(regular_blocks(read(), length), regular_blocks(cleaned, length), strict=True):
                writers[0].write(now)
                if removed is not None:
                    writers[1].write(was - now)
                for number, block in enumerate((was, now)):
                    meters[number].push(block)
                    peaks[number] = max(peaks[number], float(np.abs(block).max(initial=0.0)))
                samples += was.shape[1]
        before, after = (
            Levels(loudness_lufs=_finite(meter.integrated_lufs()), peak=round(peak, 5))
            for meter, peak in zip(meters, peaks, strict=True)
        )
        return Cleaning(
            recording=str(source),
            sample_rate_hz=rate,
            channels=channels,
            seconds=round(samples / rate, 3),
            plan=plan,
            profile=profile,
            click_count=count,
            clicks=tuple(clicks),
            floors=tuple(floors),
            before=before,
            after=after,
        )


class Scratch:
    """Sound between two passes: in memory while it is short, then in a temporary file that leaves no trace.

    >>> with Scratch(2) as scratch:
    ...     scratch.write(np.ones((2, 5), np.float32))
    ...     [block.shape for block in scratch.blocks(4)]
    [(2, 4), (2, 1)]
    """

    def __init__(self, channels: int, folder: Path | None = None) -> None:
        self.channels = channels
        where = str(folder) if folder is not None and folder.is_dir() else None
        self.file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES, dir=where)  # noqa: SIM115

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, block: Audio) -> None:
        """Add (channels, n)."""
        self.file.write(np.ascontiguousarray(block.T, "<f4").tobytes())

    def blocks(self, samples: int) -> Iterator[Audio]:
        """Everything from the beginning, in blocks of so many samples."""
        self.file.seek(0)
        while part := self.file.read(samples * self.channels * 4):
            yield np.frombuffer(part, "<f4").reshape(-1, self.channels).T


def form_for(path: str | PathLike[str], found: SampleFormat | None) -> SampleFormat | None:
    """The sample format to write a file in: the recording's own where the file can hold it.

    Codecs that keep no samples decode to floating point; FLAC holds 24 bits of that.

    >>> form_for("a.wav", "pcm_16"), form_for("a.flac", "float"), form_for("a.mp3", "pcm_16")
    ('pcm_16', 'pcm_24', None)
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".wav":
        return found or "float"
    if suffix == ".flac":
        return "pcm_16" if found in ("pcm_16", "pcm_u8") else "pcm_24"
    return None


def measured(parts: Iterable[Audio], sample_rate_hz: int, name: str) -> Profile:
    """The damage of a recording, from its blocks."""
    from tonewheel.systems.restore.measure.recording import measure_blocks

    return measure_blocks(parts, sample_rate_hz, name).profile


def _finite(lufs: float) -> float | None:
    return round(lufs, 2) if np.isfinite(lufs) else None
