"""What a baseline is: a name, whether it can run here, and a way from damaged to cleaned sound."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import TonewheelError

Audio = NDArray[np.float32]

TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Baseline:
    """One row of the table; `process(audio, sample_rate_hz, groove)` keeps length and place of (samples,).

    `groove` is the noise alone, as it is heard before the music begins.
    """

    name: str
    process: Callable[[Audio, int, Audio], Audio]
    needs: str = ""
    """A program that must be installed."""

    @property
    def available(self) -> bool:
        """Whether its program is here."""
        from shutil import which

        return not self.needs or which(self.needs) is not None


def piped(command: Sequence[str], sound: bytes) -> bytes:
    """What a program makes of bytes on its standard input; TonewheelError with its last words when it fails."""
    try:
        done = subprocess.run(command, input=sound, capture_output=True, check=False, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TonewheelError(f"{command[0]}: {error}") from None
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise TonewheelError(f"{command[0]}: {words[-1] if words else f'exit status {done.returncode}'}")
    return done.stdout
