"""Another program that is writing to the corpus, for tests of what this one does meanwhile."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from corpus.database import writing
from corpus.store import Corpus
with Corpus(Path(sys.argv[1])) as corpus, writing(corpus.db):
    corpus.db.execute("UPDATE conversations SET title = 'from elsewhere'")
    print("writing", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_program_writing(database: Path) -> Iterator[int]:
    """Hold the lock for writing in another process, and return its id."""
    command = [sys.executable, "-c", PROGRAM, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == b"writing\n"
        yield program.pid
        program.stdin.close()
