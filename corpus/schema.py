"""How far a database is migrated, and whether it is a corpus at all. The migrations are corpus.migrations'."""

from corpus.migrations import MIGRATIONS
from corpus.sqlite import Database
from socrates_errors import CorpusError


def first_pending(
    db: Database, name: str, otherwise: str = "move it away, or name another home with --home"
) -> str | None:
    """Return the first migration that the database ``name`` lacks, None when it has them all.

    CorpusError, with what to do ``otherwise``, where it is another program's or a newer Socrates'.
    """
    # The tables are read first: another process may be migrating this same new file between the two reads.
    tables = db.table_names()
    applied = {migration.name for migration in MIGRATIONS.applied(db)}
    known = [migration.name for migration in MIGRATIONS.pending(Database(memory=True, execute_plugins=False))]
    if tables and not applied:
        raise CorpusError(f"{name} is the database of another program: {otherwise}.")
    if applied - set(known):
        raise CorpusError(f"{name} was made by a newer Socrates: upgrade Socrates, or {otherwise}.")
    return next((migration for migration in known if migration not in applied), None)
