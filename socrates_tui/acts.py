"""The acts that keys are bound to, for the help and the command palette, which name each of them once."""

from collections.abc import Iterable, Iterator
from functools import partial

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode

from socrates_language import tr

KEYS_ONLY = {"move", "write", "scroll", "scroll_card", "rewrite_last", "command_palette", "leave_revision"}
"""Actions that need no command."""


def acts(*groups: Iterable[BindingType]) -> list[Binding]:
    """Return each action's first binding."""
    first: dict[str, Binding] = {}
    for bindings in groups:
        for binding in bindings:
            if isinstance(binding, Binding):
                first.setdefault(binding.action.removeprefix("screen."), binding)
    return list(first.values())


def commands(app: App[None], namespace: DOMNode, bindings: Iterable[Binding]) -> Iterator[SystemCommand]:
    """Yield a command for each of the acts of ``namespace`` that is possible now."""
    for binding in bindings:
        action = binding.action.removeprefix("screen.")
        name, _, argument = action.partition("(")
        parameters = (int(argument.rstrip(")")),) if argument else ()
        if name not in KEYS_ONLY and namespace.check_action(name, parameters):
            yield SystemCommand(
                tr(binding.description), tr(binding.tooltip), partial(app.run_action, action, namespace)
            )
