"""`socrates corpus check`: the report before a training. What is looked for is corpus.quality's."""

from dataclasses import asdict
from itertools import groupby, islice
from typing import TYPE_CHECKING

import typer

from adapters.recipe import PRESETS
from socrates_tui.findings import TITLES
from socrates_tui.invocation import Json, base_of, corpus_of, home_of, settings_of
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain

if TYPE_CHECKING:
    from corpus.quality import Report
    from corpus.survey import Lengths

app = typer.Typer()

_MOST = 20
"""Findings of one kind that are printed; --json has all."""


@app.command()
def check(ctx: typer.Context, json: Json = False) -> None:
    """Report what a training would suffer from, and what to do: repeated, leaking, contradicting, odd examples."""
    from corpus.quality import check as check_corpus

    lengths = _lengths(ctx)
    with corpus_of(ctx) as corpus:
        report = check_corpus(corpus, lengths=lengths)
    if json:
        print_json(asdict(report))
    else:
        _print(report)


def _lengths(ctx: typer.Context) -> "Lengths | None":
    from adapters.tokenizers_here import encoder_here
    from corpus.survey import Lengths

    encoder = encoder_here(base_of(ctx), home_of(ctx).models)
    return Lengths(encoder.length, PRESETS[settings_of(ctx).preset].max_tokens) if encoder else None


def _print(report: "Report") -> None:
    counts = []
    for kind, group in groupby(report.findings, key=lambda finding: finding.kind):
        findings = list(group)
        counts.append(f"{len(findings)} {TITLES[kind].lower()}")
        typer.echo(f"{TITLES[kind]} ({len(findings)})")
        for finding in islice(findings, _MOST):
            typer.echo(plain(f"  {finding.what}\n    → {finding.advice}"))
        if len(findings) > _MOST:
            typer.echo(f"  and {len(findings) - _MOST} more: --json lists all")
        typer.echo()
    tokens = "lengths not checked, as the base is not on this machine yet"
    if report.tokens is not None:
        tokens = f"{report.tokens} tokens in their prompts and targets"
    typer.echo(f"{report.train} examples to train on, {report.held_out} held out; {tokens}.")
    typer.echo(f"Found: {', '.join(counts)}." if counts else "Nothing was found that a training would suffer from.")
