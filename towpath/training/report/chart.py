"""Charts as inline SVG, drawn by hand: colours come from the page's style, so that they follow light and dark."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 380, 270
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 42

Range = tuple[float, float]
Points = Sequence[tuple[float, float]]


class Chart:
    """One pair of axes. What is drawn is collected; `svg` gives the picture with its alternative text."""

    def __init__(self, x: Range, y: Range, *, x_label: str = "", y_label: str = "", height: int = HEIGHT):
        self.x, self.y = _widened(x), _widened(y)
        self.height = height
        self.labels = (x_label, y_label)
        self.parts: list[str] = []

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a value lies on the picture, in its units."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), self.height - BOTTOM - up * (self.height - TOP - BOTTOM)

    def line(self, points: Points, kind: str) -> None:
        steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))
        self.parts.append(f'<polyline class="{kind}" points="{steps}"/>')

    def area(self, points: Points, kind: str) -> None:
        """Between the points and the lower edge."""
        floor = [(points[-1][0], self.y[0]), (points[0][0], self.y[0])]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in [*points, *floor]))
        self.parts.append(f'<polygon class="{kind}" points="{corners}"/>')

    def bar(self, left: float, right: float, value: float, kind: str) -> None:
        (x0, y0), (x1, y1) = self.at(left, max(value, 0.0)), self.at(right, min(value, 0.0))
        self.parts.append(
            f'<rect class="{kind}" x="{x0:.1f}" y="{y0:.1f}" width="{max(0.5, x1 - x0):.1f}" height="{y1 - y0:.1f}"/>'
        )

    def dots(self, points: Iterable[tuple[float, float]], kind: str, size: float = 2.0) -> None:
        placed = (self.at(*point) for point in points)
        self.parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{size}"/>' for x, y in placed]

    def note(self, x: float, y: float, text: str, *, anchor: str = "start", up: float = 0.0) -> None:
        left, top = self.at(x, y)
        self.parts.append(f'<text x="{left:.1f}" y="{top - up:.1f}" text-anchor="{anchor}">{escape(text)}</text>')

    def svg(self, alternative: str) -> str:
        """The picture; the text is for those who cannot see it."""
        drawn = "".join([*self._grid(), *self.parts, *self._words()])
        return (
            f'<svg role="img" aria-label="{escape(alternative)}" viewBox="0 0 {WIDTH} {self.height}">'
            f"<title>{escape(alternative)}</title>{drawn}</svg>"
        )

    def _grid(self) -> list[str]:
        lines = []
        for value in ticks(self.x):
            x, bottom = self.at(value, self.y[0])
            lines.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom:.1f}"/>')
            lines.append(f'<text x="{x:.1f}" y="{bottom + 14:.1f}" text-anchor="middle">{plain(value)}</text>')
        for value in ticks(self.y):
            left, y = self.at(self.x[0], value)
            lines.append(f'<line class="grid" x1="{left:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
            lines.append(f'<text x="{left - 5:.1f}" y="{y + 3.5:.1f}" text-anchor="end">{plain(value)}</text>')
        return lines

    def _words(self) -> list[str]:
        middle, low = (LEFT + WIDTH - RIGHT) / 2, (TOP + self.height - BOTTOM) / 2
        place = f'x="{middle}" y="{self.height - 8}" text-anchor="middle"'
        across = f'<text class="label" {place}>{escape(self.labels[0])}</text>'
        turned = f'transform="rotate(-90 12 {low})"'
        return [
            across,
            f'<text class="label" x="12" y="{low}" text-anchor="middle" {turned}>{escape(self.labels[1])}</text>',
        ]


def ticks(span: Range, most: int = 5) -> list[float]:
    """Round numbers inside a range: steps of 1, 2 or 5 and a power of ten."""
    raw = (span[1] - span[0]) / most
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = int(np.ceil(span[0] / step - 1e-9))
    return [round(position * step, 12) for position in range(first, int(np.floor(span[1] / step + 1e-9)) + 1)]


def plain(value: float) -> str:
    """`0.2`, `20k`, `1.5M`: short enough for an axis."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.4g}{unit}"
    return f"{value:.4g}"


def thinned(points: Points, most: int = 160) -> Points:
    """Fewer points, first and last among them; more than pixels would only make the page heavy."""
    if len(points) <= most:
        return points
    return [points[i] for i in np.unique(np.linspace(0, len(points) - 1, most).astype(int))]


def _widened(span: Range) -> Range:
    low, high = float(span[0]), float(span[1])
    return (low, high) if high > low else (low - 0.5, high + 0.5)
