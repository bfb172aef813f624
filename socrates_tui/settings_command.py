"""`socrates settings`: what the settings screen of the app shows and changes."""

from typing import Annotated

import typer

from socrates_errors import SettingsError
from socrates_tui.invocation import Json, home_of, settings_of, valid_text
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain

app = typer.Typer(name="settings", help="Every setting: list them, set one.", invoke_without_command=True)


@app.callback()
def settings(ctx: typer.Context, json: Json = False) -> None:
    """List the settings and what they mean; `set` changes one."""
    if ctx.invoked_subcommand is not None:
        if json:
            ctx.default_map = {ctx.invoked_subcommand: {"json": True}}
        return
    from socrates_tui.setting_text import LABELS, meaning, text_of

    found = settings_of(ctx)
    if json:
        print_json(found.model_dump())
        return
    for key in LABELS:
        typer.echo(plain(f"{key} = {text_of(found, key)}"))
        typer.echo(plain(f"    {meaning(key)}"))


@app.command("set")
def set_(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="A setting, such as sampling.temperature.", show_default=False)],
    value: Annotated[str, typer.Argument(callback=valid_text, help="Its new value.", show_default=False)],
    json: Json = False,
) -> None:
    """Change one setting; an empty seed draws anew."""
    from socrates_tui.setting_text import LABELS, text_of, with_text

    if key not in LABELS:
        raise SettingsError(f"{key} is no setting: `socrates settings` lists them.")
    changed = with_text(settings_of(ctx), key, value)
    changed.save(home_of(ctx).config)
    if json:
        print_json(changed.model_dump())
    else:
        typer.echo(plain(f"{key} = {text_of(changed, key)}"))
