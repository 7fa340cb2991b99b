"""All benchmarks, one after the other: `python benchmarks [--quick]`, or `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NOT_ALONE = ("__main__", "measure", "plain_manifests", "plain_service", "snapshot_traffic")
"""What the scripts share."""


def main() -> int:
    """Run every script with the given options; the exit status is 1 when one of them failed."""
    failed = 0
    for script in sorted(FOLDER.glob("*.py")):
        if script.stem not in NOT_ALONE:
            print(f"\n== {script.stem}", flush=True)
            failed += (
                subprocess.run([sys.executable, str(script), *sys.argv[1:]], check=False).returncode != 0
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
