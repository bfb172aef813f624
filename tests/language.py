"""What is to be translated, found in the code; run as a program, it brings the catalogs up to date with it."""

from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from textual.binding import Binding

from socrates_language import CATALOGS
from socrates_tui.setting_text import LABELS, meaning
from tests.socrates_tui.bindings import owners

ROOT = Path(__file__).parents[1]
KEYWORDS = {"tr": None, "marked": None, "ngettext": (1, 2)}
JAPANESE = CATALOGS / "ja" / "LC_MESSAGES" / "socrates.po"


def template() -> Catalog:
    """Return every sentence of the program that is marked, what each setting means, and what each key does."""
    found = Catalog()
    for directory in ("adapters", "corpus", "socrates_tui"):
        for _file, _line, message, _comments, _context in extract_from_dir(ROOT / directory, keywords=KEYWORDS):
            found.add(message)
    for key in LABELS:
        found.add(meaning(key))
    for owner in owners():
        for binding in owner.BINDINGS:
            assert isinstance(binding, Binding)
            found.add(binding.description)
            found.add(binding.tooltip)
    return found


def read(path: Path) -> Catalog:
    """Return the catalog in ``path``."""
    with path.open("rb") as file:
        return read_po(file, locale="ja")


def bring_up_to_date(path: Path) -> int:
    """Take new sentences into ``path`` and old ones out, and compile it; return how many wait for a translation."""
    old = read(path)
    own = dict.fromkeys(("project", "last_translator", "msgid_bugs_address"), "socrates")
    note = "# Translations are written here; `make language` takes in what is new."
    new = Catalog("ja", header_comment=note, version="", language_team="ja", fuzzy=False, **own)
    new.creation_date = new.revision_date = datetime(2026, 1, 1, tzinfo=UTC)  # so that equal catalogs are equal files
    for message in template():
        if message.id:
            known = old.get(message.id)
            new.add(message.id, known.string if known else None)
    with path.open("wb") as file:
        write_po(file, new, width=0, sort_output=True)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, new)
    return sum(not message.string or not all(message.string) for message in new if message.id)


if __name__ == "__main__":
    print(bring_up_to_date(JAPANESE), "sentences wait for a translation")
