"""Importing sqlite-utils without what it would pull in."""

import sys

# sqlite-utils imports pandas and numpy where they are installed, only to know more types of values; that is most of the
# time to the first screen. A name that maps to None makes such an import fail, and is taken back before anybody else
# asks for it.
_hidden = {"numpy", "pandas"} - sys.modules.keys()
sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]
try:
    from sqlite_utils import Database, Migrations
finally:
    for _name in _hidden:
        del sys.modules[_name]

__all__ = ["Database", "Migrations"]
