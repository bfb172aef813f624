"""The losses of a run as a plot. Importing this imports plotext, which the first screen does not need."""

from textual.app import RenderResult
from textual.color import Color, ColorParseError
from textual.content import Content
from textual_plotext import PlotextPlot

from socrates_language import marked, tr
from socrates_tui.curve import Curve, thinned

TICKS = 4
AXES = {"step": marked("by step"), "epoch": marked("by epoch")}
"""What is counted along the axis, by the unit of a curve; to be translated."""


class LossPlot(PlotextPlot):
    """The loss of each step as dots, smoothed as a line, and the held-out losses as larger dots."""

    def __init__(self) -> None:
        super().__init__()
        self._curve = Curve()

    def show(self, curve: Curve) -> None:
        """Draw ``curve``, as it is at the next refresh."""
        self._curve = curve
        self.refresh()

    def render(self) -> RenderResult:
        """Return the plot; nothing while there is nothing to draw."""
        curve, plot = self._curve, self.plt
        if not curve.steps or self.size.width < 8 or self.size.height < 4:
            return ""
        most = 2 * self.size.width
        plot.clear_figure()
        plot.scatter(*_axes(thinned(curve.steps, most)), marker="dot", color=self._color("foreground-muted", "gray"))
        plot.plot(*_axes(thinned(curve.smoothed, most)), marker="braille", color=self._color("primary", "blue"))
        if curve.held_out:
            plot.scatter(*_axes(curve.held_out), marker="●", color=self._color("accent", "magenta"))
        ticks = _ticks(max(step for step, _ in [*curve.steps, *curve.held_out]))
        plot.xticks([float(tick) for tick in ticks], [f"{tick:,}" for tick in ticks])
        return super().render()

    def _color(self, name: str, terminal: str) -> tuple[int, int, int] | str:
        """Return a colour of the theme; where the theme leaves colours to the terminal, the ``terminal``'s own."""
        colors = self.app.theme_variables
        try:
            color = Color.parse(colors[name])
        except ColorParseError:  # such as a share of the terminal's own
            return terminal
        if color.ansi is not None:
            return terminal
        return Color.parse(colors["surface"]).blend(color, color.a, 1).rgb


def legend(unit: str) -> Content:
    """Return what the marks mean, and what is counted along the axis."""
    loss, smoothed, held_out = tr("· loss"), tr("─ smoothed"), tr("● held-out")
    marks = [(loss, "$foreground-muted"), (f"   {smoothed}", "$primary"), (f"   {held_out}", "$accent")]
    return Content.assemble(*marks, f"   {tr(AXES[unit])}")


def _axes(points: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [step for step, _ in points], [loss for _, loss in points]


def _ticks(last: int) -> list[int]:
    """Return a few whole numbers from 0 to ``last``."""
    return sorted({round(last * place / TICKS) for place in range(TICKS + 1)})
