"""The versions as a tree: each below the one that it was made from, with lines that show what came of what."""

from collections import defaultdict
from collections.abc import Sequence

from adapters.api import BASE
from adapters.registry import Version


def version_tree(versions: Sequence[Version]) -> list[tuple[Version, str]]:
    """Return ``versions``, given oldest first, each after its parent, with the lines to draw before its name.

    An only child stands right under its parent, as long descents would be wider than a terminal otherwise. What has
    no parent among those before it came of the base.
    """
    children: dict[str, list[Version]] = defaultdict(list)
    known = {BASE}
    for version in versions:
        children[version.parent if version.parent in known else BASE].append(version)
        known.add(version.name)
    found = []
    waiting = _below(children[BASE], "")
    while waiting:
        version, lines, indent = waiting.pop()
        found.append((version, lines))
        waiting += _below(children[version.name], indent)
    return found


def _below(children: Sequence[Version], indent: str) -> list[tuple[Version, str, str]]:
    """Return the children, last first, each with the lines before it and before what is below it."""
    if len(children) == 1:
        return [(children[0], indent, indent)]
    last = len(children) - 1
    return [
        (child, indent + ("└─ " if number == last else "├─ "), indent + ("   " if number == last else "│  "))
        for number, child in reversed(list(enumerate(children)))
    ]
