"""`socrates corpus`: backing up, restoring and repairing, even where the corpus cannot be opened at all."""

import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from corpus import shelf
from corpus.backup import back_up
from corpus.backup import restore as restore_backup
from corpus.mending import Mended
from corpus.repairing import repair as repair_corpus
from socrates_errors import CorpusError
from socrates_tui.home import Home
from socrates_tui.invocation import Json, home_of
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain

app = typer.Typer()

_NAMED = 20
"""So many rows are named by their numbers, more are counted."""


@app.command()
def backup(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A file that is not there yet; else one in backups/.")] = None,
    json: Json = False,
) -> None:
    """Write a whole, checked copy of the corpus, while others may go on using it."""
    made = back_up(home_of(ctx).database, file)
    size = made.stat().st_size
    if json:
        print_json({"file": str(made), "bytes": size})
    else:
        typer.echo(plain(f"Backed up to {made} ({size / 1e6:.1f} MB)."))


@app.command()
def restore(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A backup: a file, or a name that is listed without one.")] = None,
    json: Json = False,
) -> None:
    """Put a backup in the place of the corpus, which is kept as a backup itself. Without FILE, list the backups."""
    home = home_of(ctx)
    if file is None:
        _list(home, json)
        return
    chosen = home.backups / file if file.name == str(file) and not file.exists() else file
    if not chosen.is_file():
        raise CorpusError(f"There is no backup {file}: `socrates corpus restore` lists those there are.")
    restored = restore_backup(home.database, chosen)
    if json:
        kept = None if restored.kept is None else str(restored.kept)
        print_json({"restored": str(chosen), "kept": kept, "damaged": restored.damaged})
        return
    typer.echo(plain(f"Restored {chosen}."))
    if restored.kept is not None:
        what = "The damaged corpus, which could not be backed up," if restored.damaged else "What the corpus was"
        typer.echo(plain(f"{what} is kept as {restored.kept}."))


@app.command()
def repair(ctx: typer.Context, json: Json = False) -> None:
    """Put what can still be read of a damaged corpus in its place; the damaged file is kept."""
    done = repair_corpus(home_of(ctx).database)
    if json:
        print_json({"damaged": done is not None} | ({} if done is None else asdict(done) | {"kept": str(done.kept)}))
        return
    if done is None:
        typer.echo("The corpus is whole: there is nothing to repair.")
        return
    for table, rows in done.tables.items():
        lost = "an unknown number" if rows.lost is None else rows.lost
        typer.echo(f"{table}: {rows.saved} saved, {lost} lost")
    for sentence in _mended(done.mended):
        typer.echo(sentence)
    typer.echo(plain(f"The damaged file is kept as {done.kept}."))


def _list(home: Home, as_json: bool) -> None:
    found = [(backup, backup.stat()) for backup in shelf.backups(home.database)]
    if as_json:
        print_json({"backups": [{"file": str(file), "bytes": of.st_size, "made": _moment(of)} for file, of in found]})
        return
    for file, of in found:
        typer.echo(plain(f"{_moment(of)}  {of.st_size / 1e6:>8.1f} MB  {file.name}"))
    if not found:
        typer.echo("There is no backup yet: `socrates corpus backup` makes one.")


def _moment(file: os.stat_result) -> str:
    return datetime.fromtimestamp(file.st_mtime, UTC).isoformat(timespec="seconds")


def _mended(mended: Mended) -> list[str]:
    told = {
        "Conversations without their title and system text": mended.conversations,
        "Turns that stand, dropped, for ones whose texts were lost": mended.turns,
        "Turns that wait for a verdict again, because their rewrite was lost": mended.unreviewed,
    }
    return [f"{sentence}: {_named(ids)}." for sentence, ids in told.items() if ids]


def _named(ids: tuple[int, ...]) -> str:
    return f"{len(ids)} of them" if len(ids) > _NAMED else ", ".join(map(str, ids))
