"""The tree of commands: `tonewheel SYSTEM VERB`, and a few commands above the systems."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from tonewheel import __version__, systems
from tonewheel.cli import export
from tonewheel.cli.demo import demo
from tonewheel.cli.doctor import doctor
from tonewheel.cli.sweep import sweep
from tonewheel.core.errors import nearest
from tonewheel.core.progress import quiet
from tonewheel.feedback import commands as feedback


class Systems(TyperGroup):
    """A command group that finds the systems by looking, and imports only the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The systems first, then the commands above them."""
        return [*systems.discover(), *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command above the systems, else the system of that name, else None."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in systems.discover():
            return own
        verbs = systems.commands(cmd_name).app
        # Feedback stands above the systems, so that what it does for one is attached here; export is one for all.
        own_verbs = {one.name or getattr(one.callback, "__name__", "") for one in verbs.registered_commands}
        for verb in set(feedback.VERBS.get(cmd_name, ())) - own_verbs:
            verbs.command(verb)(getattr(feedback, verb))
        if systems.exports(cmd_name) and "export" not in own_verbs:
            verbs.command("export")(export.verb(cmd_name))
        command = get_group(verbs)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list in `--help`, from the docstrings of the systems' folders: nothing is imported for it."""
        if found := systems.discover():
            with formatter.section("Systems"):
                formatter.write_dl(list(found.items()))
        with formatter.section("Commands"):
            own = {name: super(Systems, self).get_command(ctx, name) for name in super().list_commands(ctx)}
            formatter.write_dl([(name, c.get_short_help_str(90)) for name, c in own.items() if c is not None])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of the first word; a word that is none is answered with the nearest one."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            ctx.fail(f'No such command "{args[0]}"{nearest(args[0], known)}')
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a reader that has gone away (`| head`) ends it without a word."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            # The interpreter flushes stdout once more on its way out, into a pipe that nobody reads.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None


app = typer.Typer(
    cls=Systems,
    name="tonewheel",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="SYSTEM VERB | COMMAND",
)
app.command()(demo)
app.command()(doctor)
app.command()(sweep)
app.add_typer(feedback.app, name="feedback")


def _version(asked: bool) -> None:
    if asked:
        print(f"tonewheel {__version__}")
        raise typer.Exit()


@app.callback()
def tonewheel(
    silent: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Train music-audio models on the recordings that people really have, and use them.

    Exit status: 0 done, 1 a gate failed or nothing was found, 2 the command or its input was wrong.
    """
    quiet(silent)
