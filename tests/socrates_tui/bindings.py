"""What keys are bound in the app, found by walking its classes, so that none can be forgotten."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from textual.dom import DOMNode

import socrates_tui
from socrates_tui import screens, widgets


def owners() -> Iterator[type[DOMNode]]:
    """Find whatever of ours binds keys, by walking all classes."""
    for package in (socrates_tui, screens, widgets):
        for module in iter_modules(package.__path__):
            if module.name != "__main__":
                import_module(f"{package.__name__}.{module.name}")
    waiting: list[type[DOMNode]] = [DOMNode]
    seen = set(waiting)
    while waiting:
        owner = waiting.pop()
        new = {*owner.__subclasses__()} - seen
        seen |= new
        waiting += new
        if owner.__module__.startswith("socrates_tui.") and owner.__dict__.get("BINDINGS"):
            yield owner
