"""The verbs of `tonewheel drums check`, with those of `verbs.check_answers`.

Exit status: a check of one kind reports, and exits with 1 for a gate that failed or a line that was left out
only with `--strict`; so it can be read while a data set is still being made. `health` and `all` hold what was
asked for: they exit with 1 when a gate failed, and with `--strict` also for lines that were left out. What
cannot be read at all is 2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import say
from tonewheel.core.verbs import Json, verbs
from tonewheel.systems.drums.verbs.check_answers import bootstrap, boundary, labels, openset
from tonewheel.systems.drums.verbs.verdicts import ReportFile, Strict, finish, tell

app = verbs("Gates before a release: alignment, boundaries, unknowns, intervals, health, labels, duplicates.")


@app.command()
def alignment(
    manifest: Annotated[
        Path, typer.Option("--manifest", help="Session: its microphones and their files, JSON.")
    ],
    report: ReportFile = None,
    strict: Strict = False,
    max_delay_ms: Annotated[float, typer.Option(min=0, help="Largest median delay of a pair.")] = 0.25,
    max_drift: Annotated[float, typer.Option(min=0, help="Largest drift of a pair, samples a minute.")] = 1.0,
    min_onsets: Annotated[int, typer.Option(min=2, help="Transients that both must have heard.")] = 20,
    search_ms: Annotated[float, typer.Option(min=0.1, max=100, help="Delays looked for, either way.")] = 5.0,
    fail_inverted: Annotated[
        bool, typer.Option("--fail-inverted", help="Inverted polarity fails a pair instead of being noted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Whether the microphones of a session hear its transients at one time, to a fraction of a sample."""
    from tonewheel.gates.alignment import AlignmentGate
    from tonewheel.systems.drums.checks.checked import check_alignment

    gate = AlignmentGate(
        most_delay_ms=max_delay_ms,
        most_drift_samples_per_min=max_drift,
        least_onsets=min_onsets,
        search_ms=search_ms,
        inverted_fails=fail_inverted,
    )
    finish(check_alignment(manifest, gate), report, as_json, strict)


app.command()(boundary)
app.command()(openset)
app.command()(bootstrap)
app.command()(labels)


@app.command()
def duplicates(
    source: Annotated[Path, typer.Argument(help="A folder of clips, an index.csv, or events.jsonl.")],
    report: ReportFile = None,
    strict: Strict = False,
    max_share: Annotated[float, typer.Option(min=0, max=1, help="Most hits that may be copies.")] = 0.0,
    min_alike: Annotated[
        float, typer.Option(min=0, max=1, help="Correlation from which two hits are one.")
    ] = 0.9,
    as_json: Json = False,
) -> None:
    """Hits that are there twice in the audio, whatever their ids, levels and codecs."""
    from tonewheel.gates.hits import HitsGate
    from tonewheel.systems.drums.checks.checked import check_duplicates

    gate = HitsGate(least_alike=min_alike, most_share=max_share)
    finish(check_duplicates(source, gate), report, as_json, strict)


@app.command()
def health(
    events: Annotated[
        list[Path], typer.Option("--events", help="Manifest of events; repeat for several.")
    ] = [],  # noqa: B006
    output: Annotated[
        Path | None, typer.Option("--output", "--report", help="Report: .json, with .html beside it.")
    ] = None,
    html_output: Annotated[Path | None, typer.Option(help="The page somewhere else.")] = None,
    components: Annotated[Path | None, typer.Option(help="Taxonomy of labels, JSON; default: ours.")] = None,
    dataset_metadata: Annotated[
        Path | None, typer.Option(help="metadata.json of a dataset, for durations by split and source.")
    ] = None,
    max_duplication_rate: Annotated[
        float | None, typer.Option(min=0, max=1, help="Most events whose id was there before, as a share.")
    ] = None,
    min_class_count: Annotated[int | None, typer.Option(min=0, help="Least count of every label.")] = None,
    min_counts_json: Annotated[Path | None, typer.Option(help="Least counts by label, JSON.")] = None,
    max_unknown_labels: Annotated[
        int | None, typer.Option(min=0, help="Most components with an unknown label.")
    ] = None,
    require_label: Annotated[list[str], typer.Option(help="A label that must occur; repeat.")] = [],  # noqa: B006
    require_labels_file: Annotated[Path | None, typer.Option(help="Such labels, one a line.")] = None,
    require_technique: Annotated[list[str], typer.Option(help="A technique that must occur; repeat.")] = [],  # noqa: B006
    require_techniques_file: Annotated[Path | None, typer.Option(help="Such techniques, one a line.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="A blessed health report to compare with.")] = None,
    candidate: Annotated[
        Path | None, typer.Option(help="Compare this report with the baseline instead of measuring events.")
    ] = None,
    max_drop: Annotated[int, typer.Option(min=0, help="Most examples a label may lose.")] = 0,
    ignore_label: Annotated[list[str], typer.Option(help="A label not to compare; repeat.")] = [],  # noqa: B006
    json_output: Annotated[Path | None, typer.Option(help="The difference to the baseline, JSON.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for broken lines, too.")] = False,
    as_json: Json = False,
) -> None:
    """Coverage, duplicates, dynamics and openness of manifests, held to limits and to a baseline.

    Exit status 1 when a limit that was given is not kept.
    """
    from tonewheel.systems.drums.checks.checked import Checked
    from tonewheel.systems.drums.checks.health_options import HealthOptions, judge_health, write_extras

    def text(path: Path | None) -> str | None:
        return None if path is None else str(path)

    options = HealthOptions(
        events=tuple(map(str, events)),
        report=text(output),
        html_output=text(html_output),
        json_output=text(json_output),
        components=text(components),
        dataset_metadata=text(dataset_metadata),
        baseline=text(baseline),
        candidate=text(candidate),
        max_drop=max_drop,
        ignore_labels=tuple(ignore_label),
        max_duplication_rate=max_duplication_rate,
        min_class_count=min_class_count,
        min_counts_json=text(min_counts_json),
        max_unknown_labels=max_unknown_labels,
        require_labels=tuple(require_label),
        require_labels_file=text(require_labels_file),
        require_techniques=tuple(require_technique),
        require_techniques_file=text(require_techniques_file),
    )
    found = judge_health(options)
    for path in write_extras(found, options):
        say(f"written: {path}")
    finish(Checked(found), output, as_json, strict, always=True)


@app.command("all")
def all_checks(
    inputs: Annotated[Path, typer.Option("--inputs", help="What to check: a YAML file, as checks.yaml.")],
    report: ReportFile = None,
    halt_on_first_failure: Annotated[
        bool, typer.Option("--halt-on-first-failure", help="Make no more checks once a gate has failed.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 for lines that were left out, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Every check of a YAML file, each with its report, and one report over all; exit 1 when a gate failed."""
    from tonewheel.systems.drums.checks.readiness import check_all, joined, read_inputs

    asked = read_inputs(inputs)
    done = []
    for one in check_all(asked, inputs.parent, halt=halt_on_first_failure):
        tell(one.checked.report, as_json)
        if one.written:
            say(f"report: {one.written[0]} and {one.written[1]}")
        done.append(one)
    finish(joined(done, asked), report, as_json, strict, always=True, told=True)
