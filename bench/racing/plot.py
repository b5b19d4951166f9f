"""Requests a second of every case and server as one picture, in SVG by hand: bars on a logarithmic scale."""

import math
from pathlib import Path
from xml.sax.saxutils import escape

from bench.racing.verdicts import Cases, speed

COLOURS = {"ours": "#0b6e4f", "shipped": "#08a045", "nginx": "#7d8597", "fair": "#f4a261", "reference": "#e76f51"}
OTHER = "#5e60ce"
BAR, GAP, LEFT, WIDTH, TOP = 14, 22, 130, 900, 44
TENS = range(1, 6)  # from 10 to 100,000 a second


def draw(cases: Cases, path: Path) -> None:
    """Write the picture of what bench/serving.py measured."""
    lines, at = [], TOP
    for case, servers in cases.items():
        lines.append(f'<text x="{LEFT - 8}" y="{at + 11}" text-anchor="end" font-weight="600">{escape(case)}</text>')
        for name in servers:
            lines += _bar(at, name, speed(servers, name))
            at += BAR + 2
        at += GAP
    grid = [_tick(10.0**ten, at) for ten in TENS]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {at}" font-family="system-ui,sans-serif"'
        f' font-size="11" fill="#222"><title>Requests a second on one core</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
    )
    path.write_text("\n".join([head, *grid, *lines, "</svg>", ""]))


def _bar(at: int, name: str, reached: float) -> list[str]:
    width = _across(reached) - LEFT
    colour = COLOURS.get(name, OTHER)
    return [
        f'<rect x="{LEFT}" y="{at}" width="{width:.1f}" height="{BAR}" rx="2" fill="{colour}"/>',
        f'<text x="{LEFT + width + 5:.1f}" y="{at + 11}">{escape(name)} {reached:,.0f}</text>',
    ]


def _tick(reached: float, bottom: int) -> str:
    x = _across(reached)
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{bottom - GAP}" stroke="#ddd"/>'
        f'<text x="{x:.1f}" y="{TOP - 14}" text-anchor="middle" fill="#777">{reached:,.0f}/s</text>'
    )


def _across(reached: float) -> float:
    return LEFT + (WIDTH - LEFT - 110) * math.log10(max(reached, 1.0)) / math.log10(200_000)
