"""Make a pack ready for a venue, and keep it only if it is not worse: embed again, check, write."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path
from tonewheel.core.records import Record
from tonewheel.gates.base import Verdict as Judged
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack
from tonewheel.systems.concert.regression import Frozen, hold
from tonewheel.systems.concert.venue.check import QUERIES, Side, Verdict, check, held_out
from tonewheel.systems.concert.venue.finetune import FineTuning, fine_tune
from tonewheel.systems.concert.venue.mining import Confusion, mine
from tonewheel.systems.concert.venue.profile import Venue
from tonewheel.systems.concert.venue.references import VIEWS, find_tracks, through_venue
from tonewheel.systems.concert.venue.simulate import Surroundings

HELD_OUT_SEED = 1_000_003
"""Added to the seed, so that no hall of the references, or of the fine-tune, comes again in the check."""


class Adapted(Record):
    """What was tried for a venue, with its verdicts; what was kept of it is written."""

    references: Verdict
    """References embedded through the venue, against the pack as it was."""
    fine_tuned: Verdict | None
    """Fine-tuned weights and references of their own, against the better of the two."""
    written: tuple[str, ...]
    """The pack, and the weights that it needs if they are new ones; nothing if nothing was kept."""
    confusions: tuple[Confusion, ...]
    missing: tuple[str, ...]
    """References that stay as they were, and why."""
    regression: Judged | None = None
    """Fine-tuned weights on the frozen set, if one was given and they were better here."""


def adapt(
    pack: Pack,
    tracks_dir: Path,
    venue: Venue,
    embedder: Embedder,
    out: Path,
    *,
    surroundings: Surroundings | None = None,
    views: int = VIEWS,
    fine_tuning: FineTuning | None = None,
    queries: int = QUERIES,
    frozen: Frozen | None = None,
    seed: int = 0,
) -> Adapted:
    """Write `out`, and with a fine-tune its weights beside it, if the held-out check lets them pass.

    New weights must not lose on the `frozen` set either, if there is one.
    InputError when the tracks of the pack are not in the folder; a fine-tune needs all of them.
    """
    around = surroundings or Surroundings()
    tracks = find_tracks(pack, tracks_dir)
    if fine_tuning is not None and tracks.missing:
        raise InputError(
            "--fine-tune", f"needs every track, as new weights embed all of them: {tracks.missing[0]}"
        )
    mined = mine(pack)
    clips = held_out(tracks, venue, queries, around, seed + HELD_OUT_SEED)
    made = through_venue(pack, tracks, venue, embedder, surroundings=around, views=views, seed=seed)
    before, after = Side(pack, embedder), Side(made, embedder)
    first = check(before, after, clips, seed)
    best, second, weights = (after if first.kept else before), None, out.with_suffix(".safetensors")
    written = [out] if first.kept else []
    held: Judged | None = None
    if fine_tuning is not None:
        # A pack is bound to the bytes of its weights: they are made elsewhere, judged, and then copied.
        with tempfile.TemporaryDirectory() as folder:
            trial = Path(folder) / weights.name
            tuned = fine_tune(
                embedder, pack, tracks, venue, mined, trial, surroundings=around, settings=fine_tuning
            )
            made = through_venue(pack, tracks, venue, tuned, surroundings=around, views=views, seed=seed)
            second = check(best, Side(made, tuned), clips, seed)
            # Weights of their own are one more file to carry: equally good is not reason enough.
            if second.kept and second.better and frozen is not None:
                held = hold(frozen, embedder, tuned)
            if second.kept and second.better and (held is None or held.passed):
                best, written = Side(made, tuned), [out, weights]
                with atomic_path(weights) as temporary:
                    shutil.copyfile(trial, temporary)
    if written:
        best.pack.write(out)
    return Adapted(
        references=first,
        fine_tuned=second,
        regression=held,
        written=tuple(str(path) for path in written),
        confusions=mined,
        missing=tracks.missing,
    )
