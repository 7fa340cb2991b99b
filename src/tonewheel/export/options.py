"""The options of `export`, the same for every system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Audio = Annotated[
    Path | None,
    typer.Option(
        "--audio",
        help="Held-out recordings (folder, index.csv or file) at which it is compared with torch; default:"
        " synthesised songs.",
    ),
]
Split = Annotated[str, typer.Option(help="Of an index of --audio, the split that is heard.")]
Count = Annotated[int, typer.Option("--sounds", min=2, max=1000, help="How many recordings are heard.")]
