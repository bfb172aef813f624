"""Importing sqlite-utils without what it would pull in."""

import sys

# sqlite-utils imports pandas where it is installed, only to know one more column type; that is most of the time to the
# first screen. A name that maps to None makes that import fail, and is taken back before anybody else asks for pandas.
_hidden = "pandas" not in sys.modules
if _hidden:
    sys.modules["pandas"] = None  # type: ignore[assignment]
try:
    from sqlite_utils import Database, Migrations
finally:
    if _hidden:
        del sys.modules["pandas"]

__all__ = ["Database", "Migrations"]
