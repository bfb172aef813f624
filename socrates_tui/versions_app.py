"""The app as far as it keeps versions: it acts on what their dialogs answer, and comes back to where the user was."""

import logging
from collections.abc import Callable
from pathlib import Path

from textual import on, work
from textual.screen import Screen

from adapters.api import BASE
from corpus.filters import Filter
from socrates_errors import SocratesError, VersionError
from socrates_language import tr
from socrates_tui.brief import brief
from socrates_tui.comparison import Comparison
from socrates_tui.messages import VersionCarried, VersionNotCarried
from socrates_tui.screens.compare import CompareScreen
from socrates_tui.screens.confirm import ConfirmScreen
from socrates_tui.screens.directory import DirectoryScreen
from socrates_tui.screens.note import NoteScreen
from socrates_tui.screens.other_version import OtherVersionScreen
from socrates_tui.screens.title import TitleScreen
from socrates_tui.screens.versions import Act, ChosenVersion, VersionsScreen
from socrates_tui.version_figures import version_figures
from socrates_tui.weighing_app import WeighingApp

log = logging.getLogger(__name__)


class VersionsApp(WeighingApp):
    """Lists, switches, names, compares, carries and deletes versions."""

    def action_versions(self) -> None:
        """Choose a version."""
        self._show_versions()

    def action_roll_back(self) -> None:
        """Let the version speak that was active before."""
        if (before := self.parts.registry.before) is not None:
            self.use(before)

    def _show_versions(self, at: str | None = None) -> None:
        registry, database, base = self.parts.registry, self.parts.home.database, self.parts.base
        screen = VersionsScreen(
            registry.versions(),
            registry.damaged(),
            active=self.chat.status.version,
            before=registry.before,
            base=base,
            at=at,
            measure=lambda: version_figures(registry, database, base),
        )
        self.push_screen(screen, self._version_chosen)

    def _version_chosen(self, chosen: ChosenVersion | None) -> None:
        acts: dict[Act, Callable[[str], None]] = {
            "use": self._use_chosen,
            "rename": self._rename_version,
            "note": self._note_version,
            "compare": self._compare_version,
            "blind": self._blind_version,
            "pins": lambda name: self.show_pins(lambda: self._show_versions(name)),
            "export": self._export_version,
            "import": self._import_version,
            "delete": self._delete_version,
        }
        if chosen is not None:
            try:
                acts[chosen.act](chosen.version)
            except VersionError as error:  # such as a version that another program deleted meanwhile
                self.chat.tell(str(error), "error")
                self._show_versions()

    def _use_chosen(self, version: str) -> None:
        if version != (self.wanted or self.chat.status.version):
            self.use(version)

    def _rename_version(self, name: str) -> None:
        registry = self.parts.registry
        self._write(
            name, TitleScreen(tr("Title of {version}").format(version=name), registry.get(name).title), registry.rename
        )

    def _note_version(self, name: str) -> None:
        registry = self.parts.registry
        self._write(
            name, NoteScreen(tr("Note on {version}").format(version=name), registry.get(name).note), registry.note
        )

    def _write(self, name: str, screen: Screen[str], keep: Callable[[str, str], object]) -> None:
        """Let the user write on ``screen`` what ``keep`` is to keep of ``name``."""

        def written(text: str | None) -> None:
            if text is not None:
                self._change(lambda: keep(name, text))
            self._show_versions(name)

        self.push_screen(screen, written)

    def _delete_version(self, name: str) -> None:
        if reason := self.parts.registry.why_kept(name):
            self.chat.tell(reason, "warning")
            self._show_versions(name)
            return

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self._change(lambda: self.parts.registry.delete(name))
                self.refresh_bindings()
            self._show_versions(None if confirmed else name)

        spoken = len(self.parts.corpus.matching("", Filter(version=name)))
        question = tr("Delete {version} for good? Its weights cannot be had back; export it first to keep them.")
        sentences = [question.format(version=name)]
        if spoken:
            stay = tr("The turns that it spoke ({number}) stay, under its name.")
            sentences.append(stay.format(number=f"{spoken:,}"))
        screen = ConfirmScreen(tr("Delete"), " ".join(sentences), tr("Delete it"), tr("Keep it"))
        self.push_screen(screen, answered)

    def _change(self, act: Callable[[], object]) -> None:
        try:
            act()
        except VersionError as error:
            self.chat.tell(str(error), "error")

    # Side by side

    def _compare_version(self, name: str) -> None:
        def chosen(other: str | None) -> None:
            if other is None:
                self._show_versions(name)
                return
            registry, database = self.parts.registry, self.parts.home.database
            screen = CompareScreen(other, name, lambda: Comparison.of(registry, database, other, name))
            self.push_screen(screen, lambda _: self._show_versions(name))

        self._choose_other(tr("Compare {version} with").format(version=name), name, chosen)

    def _blind_version(self, name: str) -> None:
        def chosen(other: str | None) -> None:
            if other is None:
                self._show_versions(name)
            else:
                self.set_against(other, name, lambda: self._show_versions(name))

        self._choose_other(tr("Let {version} reply beside").format(version=name), name, chosen)

    def _choose_other(self, heading: str, name: str, answered: Callable[[str | None], None]) -> None:
        """Let another version than ``name`` be chosen; its parent is the likeliest."""
        versions = {version.name: version for version in self.parts.registry.versions()}
        titles = {other: version.title for other, version in versions.items() if other != name}
        if name != BASE:
            titles = {BASE: tr("without an adapter")} | titles
        at = versions[name].parent if name in versions else self.parts.registry.active
        self.push_screen(OtherVersionScreen(heading, titles, at), answered)

    # In and out

    def _export_version(self, name: str, given: Path | None = None) -> None:
        def answered(directory: Path | None) -> None:
            if directory is None:
                self._show_versions(name)
            else:
                registry = self.parts.registry
                self._carry(
                    lambda: registry.export_to(name, directory),
                    lambda _: VersionCarried(
                        name, tr("{version} is in {directory}.").format(version=name, directory=directory)
                    ),
                    lambda reason: VersionNotCarried(name, "export", directory, reason),
                )

        sentence = tr("A new or an empty directory, which PEFT, and Import, can read:")
        heading = tr("Export {version}").format(version=name)
        self.push_screen(DirectoryScreen(heading, sentence, given), answered)

    def _import_version(self, name: str, given: Path | None = None) -> None:
        def answered(directory: Path | None) -> None:
            if directory is None:
                self._show_versions(name)
            else:
                registry = self.parts.registry
                self._carry(
                    lambda: registry.import_from(directory).name,
                    lambda new: VersionCarried(
                        str(new),
                        tr("{version} is imported from {directory}: Enter lets it speak.").format(
                            version=new, directory=directory
                        ),
                    ),
                    lambda reason: VersionNotCarried(name, "import", directory, reason),
                )

        sentence = tr("The directory of a PEFT LoRA adapter:")
        self.push_screen(DirectoryScreen(tr("Import"), sentence, given), answered)

    @work(thread=True, group="carrying", exit_on_error=False)
    def _carry(
        self,
        act: Callable[[], object],
        carried: Callable[[object], VersionCarried],
        refused: Callable[[str], VersionNotCarried],
    ) -> None:
        try:
            self.post_message(carried(act()))
        except SocratesError as error:
            self.post_message(refused(str(error)))
        except Exception as error:  # whatever the disk does, the window stays
            log.exception("not carried")
            self.post_message(refused(tr("That failed: {reason}.").format(reason=brief(error))))

    @on(VersionCarried)
    def _carried(self, event: VersionCarried) -> None:
        self.chat.tell(event.sentence)
        if self.screen is self.chat:
            self._show_versions(event.version)

    @on(VersionNotCarried)
    def _not_carried(self, event: VersionNotCarried) -> None:
        self.chat.tell(event.reason, "error")
        if self.screen is self.chat:
            again = self._export_version if event.act == "export" else self._import_version
            again(event.version, event.directory)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say whether a key does anything now."""
        return self.parts.registry.before is not None if action == "roll_back" else True
