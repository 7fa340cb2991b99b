"""Title and artist as a file's tags give them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tonewheel.audio.checks import decoder_for
from tonewheel.core.errors import InputError


def read_tags(path: str | Path) -> dict[str, str]:
    """Tags of an audio file by lower-case name (title, artist, ...); one that cannot be read has none.

    Only the demuxer that the file's first bytes call for is let near it, as in `audio`.

    >>> read_tags("/no/such/file.flac")
    {}
    """
    source = Path(path)
    try:
        decoder = decoder_for(source)
        pairs = _soundfile_tags(source) if decoder == "soundfile" else _container_tags(source, decoder)
    except (InputError, OSError, ValueError, RuntimeError):
        return {}
    tags = {key.lower(): " ".join(str(value).replace("\0", " ").split()) for key, value in pairs.items()}
    return {key: value for key, value in tags.items() if value}


def _soundfile_tags(path: Path) -> dict[str, Any]:
    import soundfile

    with soundfile.SoundFile(str(path)) as sound:
        return dict(sound.copy_metadata())


def _container_tags(path: Path, demuxer: str) -> dict[str, Any]:
    import av

    av.logging.set_level(None)
    try:
        with av.open(f"file:{path.resolve()}", format=demuxer, metadata_errors="replace") as container:
            pairs: dict[str, Any] = dict(container.metadata)
            for stream in container.streams.audio[:1]:
                pairs |= stream.metadata
            return pairs
    except av.FFmpegError:  # the end of a file that was cut short is no OSError
        return {}
