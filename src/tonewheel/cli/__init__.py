"""The command line: parses, calls, prints. Everything that it can do is a plain function elsewhere."""

import os

# Importing rich help takes 0.2 s of the 0.3 s in which `--help` is to answer, and an error is to be one line
# that a program can read, not a box. Typer looks at this when it is imported.
os.environ.setdefault("TYPER_USE_RICH", "0")
