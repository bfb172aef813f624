"""The command line. Each command is the twin of an act of the app; what it does lies elsewhere."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import socrates_language
from adapters import terms
from socrates_errors import SocratesError
from socrates_language import of_locale
from socrates_tui import (
    ask_command,
    corpus_commands,
    doctor,
    runs_command,
    settings_command,
    training_commands,
    version_commands,
)
from socrates_tui.home import Home, log_to_file
from socrates_tui.invocation import BASE_OPTION, base_of, settings_of
from socrates_tui.plain_text import plain

HELP_OPTIONS = ["-h", "--help"]


class _Root(TyperGroup):
    """Remembers whether a command is asked only for its help: nothing need be opened for that."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options = args[: args.index("--")] if "--" in args else args  # what follows is text, whatever it looks like
        ctx.meta["socrates.help"] = not set(HELP_OPTIONS).isdisjoint(options)
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="socrates",
    cls=_Root,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": HELP_OPTIONS},
)
app.command("ask")(ask_command.ask)
app.add_typer(corpus_commands.app)
app.command("train")(training_commands.train)
app.add_typer(version_commands.app)
app.command("runs")(runs_command.runs)
app.add_typer(settings_command.app)
app.command("eval")(training_commands.eval_)
app.command("doctor")(doctor.doctor)

log = logging.getLogger(__name__)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed

        typer.echo(f"socrates {installed('socrates-tui')}")
        raise typer.Exit


@app.callback()
def socrates(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where everything is kept; else SOCRATES_HOME or the data folder."),
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="The model that is taught: embedded, a hub id of a Gemma 2 or 3, or a directory.")
    ] = None,
    accept_gemma_terms: Annotated[
        bool,
        typer.Option(
            "--accept-gemma-terms",
            envvar="SOCRATES_ACCEPT_GEMMA_TERMS",
            help="Accept Gemma's terms of use (ai.google.dev/gemma/terms), once for this home.",
        ),
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Teach a local Gemma to tutor the Socratic way. Without a command, the app opens."""
    if ctx.meta["socrates.help"]:
        ctx.obj = Home.at(home)
        return
    ctx.obj = Home.open(home)
    ctx.meta[BASE_OPTION] = base
    log_to_file(ctx.obj)
    if accept_gemma_terms and not terms.accepted(ctx.obj.directory):
        terms.accept(ctx.obj.directory)
    if ctx.invoked_subcommand is None:
        _open_app(ctx)


def _open_app(ctx: typer.Context) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SocratesError(
            "The app needs a terminal, and standard input or output is none. Without one, use `socrates ask`, "
            "`socrates corpus`, `socrates train` and `socrates versions`; `socrates --help` lists all."
        )
    from socrates_tui.compose import open_app

    settings = settings_of(ctx)
    socrates_language.use(of_locale(os.environ) if settings.language == "auto" else settings.language)
    opened = open_app(ctx.obj, settings, base_of(ctx))
    opened.run()
    if opened.failure is not None:
        raise opened.failure
    if opened.loading_engine:  # in a thread that nothing can stop, and that has nothing to lose
        logging.shutdown()
        os._exit(opened.return_code or 0)
    raise typer.Exit(opened.return_code or 0)


def main() -> None:
    """Run the command line; every failure becomes one sentence on standard error, and the exit status 1."""
    try:
        app()
    except SocratesError as error:
        sys.exit(_failed(str(error)))
    except Exception:
        files = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.FileHandler)]
        if not files:
            raise
        log.exception("a command failed")
        sys.exit(_failed(f"Something unexpected went wrong; {files[0].baseFilename} tells what."))


def _failed(sentence: str) -> int:
    print(plain(sentence), file=sys.stderr)
    return 1
