"""The verbs of `tonewheel drums collect`: labelled hits into a collection, and those of `verbs.dataset`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Json, verbs
from tonewheel.systems.drums.verbs.dataset import DEFAULT, Folder, export, stats

if TYPE_CHECKING:
    from tonewheel.manifest.drum_hits import DrumHit
    from tonewheel.manifest.timing import Timing
    from tonewheel.systems.drums.collecting.collection import Added

app = verbs("Collect labelled drum hits, count them, export a dataset.")

Session = Annotated[str, typer.Option(help="Session id; default: from the recording's content.")]
Drummer = Annotated[str, typer.Option(help="Who plays; never on two sides of a split.")]
Kit = Annotated[str, typer.Option(help="Which kit; never on two sides of a split.")]
Room = Annotated[str, typer.Option(help="Which room; never on two sides of a split.")]
SourceSet = Annotated[str, typer.Option(help="Corpus that the recording belongs to.")]
Origin = Annotated[str, typer.Option("--source", help="Where the recording comes from, for the provenance.")]
License = Annotated[str, typer.Option("--licence", "--license", help="As the source states it.")]
Synthetic = Annotated[bool, typer.Option("--synthetic", help="The audio was made, not recorded.")]
Mix = Annotated[str, typer.Option("--mix-context", help="full_mix, close_mic or overheads.")]
Pre = Annotated[float, typer.Option(min=0, max=10_000, help="Cut so much before a hit, ms.")]
Post = Annotated[float, typer.Option(min=1, max=10_000, help="Cut so much after a hit, ms.")]
Strict = Annotated[bool, typer.Option("--strict", help="A word that means no drum is an error.")]

PRE_MS, POST_MS = 100.0, 400.0


@app.command()
def add(
    audio: Annotated[Path, typer.Argument(help="A recording.")],
    time: Annotated[str, typer.Argument(help="When the hit is: 1.234, or 1:20.5.")],
    label: Annotated[str, typer.Argument(help="What was struck: kick, snare, hihat_open, ...")],
    velocity: Annotated[float | None, typer.Option(min=0, max=1, help="How hard, 0..1.")] = None,
    openness: Annotated[float | None, typer.Option(min=0, max=1, help="How open a hi-hat is, 0..1.")] = None,
    collection: Folder = DEFAULT,
    session: Session = "",
    drummer: Drummer = "",
    kit: Kit = "",
    room: Room = "",
    source_set: SourceSet = "",
    source: Origin = "",
    licence: License = "",
    synthetic: Synthetic = False,
    mix_context: Mix = "",
    pre_ms: Pre = PRE_MS,
    post_ms: Post = POST_MS,
    as_json: Json = False,
) -> None:
    """Add one hit of a recording."""
    from tonewheel.core.errors import InputError
    from tonewheel.core.units import parse_time
    from tonewheel.manifest.components import canonical
    from tonewheel.manifest.drum_hits import DrumHit

    try:
        onset_s = parse_time(time)
    except ValueError as error:
        raise InputError("TIME", str(error)) from None
    hit = DrumHit(onset_s=onset_s, label=canonical(label), velocity=velocity or 0.0, openness=openness)
    about = _about(session, drummer, kit, room, source_set, source, licence, synthetic, mix_context)
    added = _add(collection, audio, [hit], "manual", about, None, (pre_ms, post_ms), velocity is not None)
    _tell(collection, added, as_json)


@app.command()
def beatmap(
    file: Annotated[Path, typer.Argument(help="A beatmap, .bsm.")],
    audio: Annotated[
        Path | None, typer.Argument(help="Its recording; default: the one it names, beside it.")
    ] = None,
    collection: Folder = DEFAULT,
    session: Session = "",
    drummer: Drummer = "",
    kit: Kit = "",
    room: Room = "",
    source_set: SourceSet = "",
    source: Origin = "",
    licence: License = "",
    synthetic: Synthetic = False,
    mix_context: Mix = "",
    pre_ms: Pre = PRE_MS,
    post_ms: Post = POST_MS,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Add the hits of a beatmap and its recording."""
    from tonewheel.core.errors import InputError
    from tonewheel.core.files import sha256
    from tonewheel.manifest.beatmap import read_beatmap

    read = read_beatmap(file)
    named = read.audio.get("filename")
    if audio is None:
        if not named:
            raise InputError(file, "names no audio file; give its recording as AUDIO")
        audio = file.parent / named
    stated = str(read.audio.get("hash") or "").removeprefix("sha256:").lower()
    if len(stated) == 64 and stated != sha256(audio):
        say(f"warning: {audio} is not the file that {file} was made for (another hash); do the times fit?")
    unknown: dict[str, int] = {}
    hits = read.hits(None if strict else _counting(unknown))
    about = _about(session, drummer, kit, room, source_set, source, licence, synthetic, mix_context)
    span = (pre_ms, post_ms)
    _tell(
        collection, _add(collection, audio, hits, "beatmap", about, read.timing, span, True, unknown), as_json
    )


@app.command()
def midi(
    file: Annotated[Path, typer.Argument(help="A MIDI file; its percussion channel is read.")],
    audio: Annotated[Path, typer.Argument(help="The recording that was made with it.")],
    offset_s: Annotated[float, typer.Option(help="Where the MIDI file begins in the recording, s.")] = 0.0,
    channel: Annotated[int, typer.Option(min=1, max=16, help="Channel of the drums.")] = 10,
    finer: Annotated[bool, typer.Option("--finer", help="Tell second crash and ride bell apart.")] = False,
    vendor: Annotated[str, typer.Option(help="Maker of the e-drum module, for its openness curve.")] = "",
    model: Annotated[str, typer.Option(help="Model of the e-drum module.")] = "",
    curves: Annotated[
        Path | None, typer.Option(help="Openness curves, JSON; without one the file itself decides.")
    ] = None,
    collection: Folder = DEFAULT,
    session: Session = "",
    drummer: Drummer = "",
    kit: Kit = "",
    room: Room = "",
    source_set: SourceSet = "",
    source: Origin = "",
    licence: License = "",
    synthetic: Synthetic = False,
    mix_context: Mix = "",
    pre_ms: Pre = PRE_MS,
    post_ms: Post = POST_MS,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Add the hits of a MIDI file and its recording: General MIDI notes, CC4 as openness."""
    import msgspec

    from tonewheel.core.errors import InputError
    from tonewheel.manifest.midi import read_midi
    from tonewheel.manifest.openness import Curves
    from tonewheel.manifest.timing import timing_of

    curve = Curves.read(curves).of(vendor, model) if curves else None
    if curves and curve is None:
        raise InputError(curves, f'has no curve for "{vendor} {model}"; name --vendor and --model as it does')
    score = read_midi(file, curve=curve, channel=channel, finer=finer)
    if strict and score.unknown_notes:
        raise InputError(file, f"notes that mean no drum: {', '.join(map(str, score.unknown_notes))}")
    moved = [msgspec.structs.replace(hit, onset_s=hit.onset_s + offset_s) for hit in score.hits]
    hits = [hit for hit in moved if hit.onset_s >= 0]
    if len(hits) < len(moved):
        say(f"{len(moved) - len(hits)} hits lie before the recording and are left out")
    timing = timing_of(
        msgspec.structs.replace(one, time_s=one.time_s + offset_s) for one in score.timing.points
    )
    about = _about(session, drummer, kit, room, source_set, source, licence, synthetic, mix_context)
    about |= {"device_vendor": vendor, "device_model": model}
    unknown = {f"note {note}": count for note, count in score.unknown_notes.items()}
    span = (pre_ms, post_ms)
    _tell(collection, _add(collection, audio, hits, "midi", about, timing, span, True, unknown), as_json)


@app.command("annotations")
def annotated(
    file: Annotated[Path, typer.Argument(help="Text: a time and a label a line (MDB, CSV, Audacity).")],
    audio: Annotated[Path, typer.Argument(help="The recording that was annotated.")],
    mapped: Annotated[
        list[str], typer.Option("--map", help="What a word of the file means, as HH=hihat_closed.")
    ] = [],  # noqa: B006
    collection: Folder = DEFAULT,
    session: Session = "",
    drummer: Drummer = "",
    kit: Kit = "",
    room: Room = "",
    source_set: SourceSet = "",
    source: Origin = "",
    licence: License = "",
    synthetic: Synthetic = False,
    mix_context: Mix = "",
    pre_ms: Pre = PRE_MS,
    post_ms: Post = POST_MS,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Add the hits of an annotated recording."""
    from tonewheel.core.errors import InputError
    from tonewheel.manifest.annotations import read_annotations

    labels = {}
    for one in mapped:
        word, equals, label = one.partition("=")
        if not equals:
            raise InputError("--map", f'must be WORD=LABEL, as HH=hihat_closed, got "{one}"')
        labels[word.strip()] = label.strip()
    unknown: dict[str, int] = {}
    hits = read_annotations(file, labels=labels, unknown=None if strict else _counting(unknown))
    about = _about(session, drummer, kit, room, source_set, source, licence, synthetic, mix_context)
    span = (pre_ms, post_ms)
    _tell(collection, _add(collection, audio, hits, "annotation", about, None, span, False, unknown), as_json)


def _about(
    session: str,
    drummer: str,
    kit: str,
    room: str,
    source_set: str,
    source: str,
    licence: str,
    synthetic: bool,
    mix_context: str,
) -> dict[str, Any]:
    about = {"session_id": session, "drummer_id": drummer, "kit_id": kit, "room_id": room}
    about |= {"source_set": source_set, "source": source, "license": licence, "mix_context": mix_context}
    return {**about, "is_synthetic": synthetic}


def _add(
    folder: Path,
    audio: Path,
    hits: Sequence[DrumHit],
    label_method: str,
    about: dict[str, Any],
    timing: Timing | None,
    span_ms: tuple[float, float],
    velocity_known: bool,
    unknown: dict[str, int] | None = None,
) -> Added:
    from tonewheel.core.errors import InputError
    from tonewheel.systems.drums.collecting.collection import Collection, Context

    if not hits:
        words = ", ".join(unknown or {})
        raise InputError(audio, f"no hits to add{f'; no label is known: {words}' if words else ''}")
    return Collection(folder).add(
        audio,
        hits,
        label_method=label_method,
        about=about,
        timing=timing,
        velocity_known=velocity_known,
        context=Context(pre=span_ms[0], post=span_ms[1]),
        unknown=unknown,
    )


def _tell(folder: Path, added: Added, as_json: bool) -> None:
    if as_json:
        emit({"collection": str(folder), **added.to_dict()})
        return
    for word, count in added.unknown.items():
        say(f"means no drum, left out: {word} ({count})")
    if added.past_the_end:
        say(f"after the end of the recording, left out: {added.past_the_end}")
    say(f"{folder}: {added.added} hits added, {added.already} were there; {added.events} events")


def _counting(counts: dict[str, int]) -> Any:
    def count(word: str) -> None:
        counts[word] = counts.get(word, 0) + 1

    return count


app.command()(stats)
app.command()(export)
