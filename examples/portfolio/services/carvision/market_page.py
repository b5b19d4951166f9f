"""The market as one HTML page that needs no network: figures as tiles, charts as inline SVG, offers as tables."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

STYLE = Path(__file__).with_name("market_page.css")
WIDTH, HEIGHT, LEFT, BOTTOM = 720, 260, 56, 28  # of a chart, and of the room for its labels
SHOWN = 15  # offers in a table; the CSV has all of them

Market = dict[str, Any]


def market_page(market: Market) -> str:
    """The whole page."""
    parts = [_head(market), _tiles(market["key_figures"]), _summary(market["summary"])]
    parts += [_prices(market), _brands(market["brands"]), _depreciation(market["depreciation"])]
    parts += [_opportunities(market), _undervalued(market), _foot(market["about"])]
    style = STYLE.read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The market of used cars</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _head(market: Market) -> str:
    about = market["about"]
    real = "" if about["origin"] == "real" else '<p class="warning">Invented offers: no word on the real market.</p>'
    read = f"{market['key_figures']['offers']:,} of {about['read']:,} {about['origin']} offers"
    kept = "; ".join(one["keeps"] for one in about["kept"])
    return f"<header><h1>The market of used cars</h1><p>{escape(f'{read}: {kept}')}</p>{real}</header>"


def _tiles(figures: dict[str, float]) -> str:
    tiles = [
        ("offers", f"{figures['offers']:,}", f"{figures['models']} models of {figures['brands']} brands"),
        ("median price", f"${figures['median_price']:,.0f}", f"mean ${figures['mean_price']:,.0f}"),
        ("market value", f"${figures['market_value'] / 1e6:,.0f} M", "all offers together"),
        ("median car", f"{figures['median_age']:.0f} years", f"{figures['median_odometer']:,.0f} miles"),
        (
            "opportunities",
            f"{figures['opportunities']:,}",
            f"${figures['opportunities_below'] / 1e6:,.1f} M below the model",
        ),
    ]
    return '<section class="tiles">' + "".join(_tile(*tile) for tile in tiles) + "</section>"


def _tile(name: str, value: str, note: str) -> str:
    return f'<div class="tile"><span>{escape(name)}</span><b>{escape(value)}</b><small>{escape(note)}</small></div>'


def _summary(sentences: Iterable[str]) -> str:
    return (
        "<section><h2>In short</h2><ul>" + "".join(f"<li>{escape(one)}</li>" for one in sentences) + "</ul></section>"
    )


def _prices(market: Market) -> str:
    rows = market["price_distribution"]
    step = rows[1]["from"]
    labels = [f"${row['from'] / 1000:g}k".replace("$0k", "$0") if row["from"] % (4 * step) == 0 else "" for row in rows]
    titles = [f"${row['from']:,} to ${row['from'] + step:,}: {row['offers']:,} offers" for row in rows]
    titles[-1] = f"${rows[-1]['from']:,} and more: {rows[-1]['offers']:,} offers"
    chart = _columns([row["offers"] for row in rows], labels, titles, "Offers by price")
    kinds = "".join(
        f'<div class="share c{i}" style="flex:{max(one["share"], 0.01)}" title="{one["offers"]:,} offers"></div>'
        for i, one in enumerate(market["price_categories"])
    )
    legend = "".join(
        f'<li><i class="c{i}"></i>{escape(one["category"])} <b>{one["share"]:.1%}</b> '
        f"<small>median ${one['median_price'] or 0:,.0f}</small></li>"
        for i, one in enumerate(market["price_categories"])
    )
    shares = f'<div class="shares">{kinds}</div><ul class="legend">{legend}</ul>'
    return f"<section><h2>What cars cost</h2>{chart}<h3>By price category</h3>{shares}</section>"


def _brands(rows: Sequence[dict[str, Any]]) -> str:
    largest = max((row["median_price"] for row in rows), default=1)
    lines = "".join(
        f'<tr><th scope="row">{escape(row["brand"])}</th>'
        f'<td class="bar"><i style="width:{100 * row["median_price"] / largest:.1f}%"></i></td>'
        f"<td>${row['median_price']:,.0f}</td><td>{row['offers']:,}</td><td>{row['median_age']:.0f}</td>"
        f"<td>{row['median_odometer']:,.0f}</td></tr>"
        for row in rows
    )
    titles = ["brand", "", "median price", "offers", "years", "miles"]
    head = f"<tr>{''.join(f'<th>{title}</th>' for title in titles)}</tr>"
    return f'<section><h2>Brands</h2><div class="wide"><table class="brands">{head}{lines}</table></div></section>'


def _depreciation(rows: Sequence[dict[str, Any]]) -> str:
    if len(rows) < 2:
        return ""
    top = _round_up(max(row["q75"] for row in rows))
    ages = [row["age"] for row in rows]
    place = {age: LEFT + (WIDTH - LEFT - 8) * i / (len(ages) - 1) for i, age in enumerate(ages)}

    def points(name: str, order: Sequence[dict[str, Any]]) -> str:
        return " ".join(f"{place[row['age']]:.1f},{_height(row[name], top):.1f}" for row in order)

    band = f'<polygon class="band" points="{points("q75", rows)} {points("q25", rows[::-1])}"/>'
    line = f'<polyline class="line" points="{points("median_price", rows)}"/>'
    dots = "".join(
        f'<circle cx="{place[row["age"]]:.1f}" cy="{_height(row["median_price"], top):.1f}" r="4"><title>'
        f"{row['age']:.0f} years: median ${row['median_price']:,.0f}, {row['left']:.0%} is left; "
        f"{row['offers']:,} offers</title></circle>"
        for row in rows
    )
    marks = "".join(
        f'<text x="{place[age]:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{age:.0f}</text>'
        for age in ages
        if age % 5 == 0
    )
    chart = _svg(_grid(top, "$") + band + line + dots + marks, "Price by age in years")
    note = "The line is the median, the band the middle half of all offers; ages in years, with 100 offers or more."
    return f"<section><h2>What age takes</h2>{chart}<p>{note}</p></section>"


def _opportunities(market: Market) -> str:
    head = ["model", "year", "miles", "condition", "price", "model says", "nine of ten lie in", "below"]
    rows = [
        [*_car(row, "condition"), f"${row['low']:,.0f} to ${row['high']:,.0f}", f"{row['discount']:.0%}"]
        for row in market["opportunities"][:SHOWN]
    ]
    note = (
        f"The {len(rows)} largest of {market['key_figures']['opportunities']:,}: offers below the range that the "
        "served model gives. It learnt from four of five of these offers and leans towards their prices, so these are "
        "rather too few than too many."
    )
    return f"<section><h2>Opportunities</h2><p>{note}</p>{_table(head, rows)}</section>"


def _undervalued(market: Market) -> str:
    head = ["model", "year", "miles", "category", "price", "model says", "cheapest quarter up to"]
    rows = [[*_car(row, "category"), f"${row['quarter']:,.0f}"] for row in market["undervalued"][:SHOWN]]
    note = (
        f"The first {len(rows)} of {market['key_figures']['undervalued']:,} by the plain rule: in the cheapest quarter "
        "of their price category, 10 years old at most, 100,000 miles at most; the farthest below the model come first."
    )
    return f"<section><h2>Young, little driven, cheap in their class</h2><p>{note}</p>{_table(head, rows)}</section>"


def _car(row: dict[str, Any], told: str) -> list[str]:
    """Model, year, miles, one thing more, price, and what the model says."""
    first = [row["model"], f"{row['model_year']:.0f}", f"{row['odometer']:,.0f}", row[told]]
    return [*first, f"${row['price']:,.0f}", f"${row['predicted']:,.0f}"]


def _foot(about: dict[str, Any]) -> str:
    files = "; ".join(f"{one['name']}, sha256 {one['sha256'][:12]}" for one in about["sources"]) or "a generator"
    errors = about["metrics"]
    reached = f"R² {errors['r2']:.3f}, mean absolute error ${errors['mae']:,.0f} on held-out rows"
    return f"<footer>Data: {escape(files)}. Model: bundle:{about['bundle'][:12]}, {reached}.</footer>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    titles = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{titles}</tr>{lines}</table></div>'


def _columns(values: Sequence[float], labels: Sequence[str], titles: Sequence[str], name: str) -> str:
    top = _round_up(max(values))
    step = (WIDTH - LEFT) / len(values)
    bars = "".join(
        f'<rect x="{LEFT + i * step + 1:.1f}" y="{_height(value, top):.1f}" width="{step - 2:.1f}" '
        f'height="{_height(0, top) - _height(value, top):.1f}" rx="2"><title>{escape(title)}</title></rect>'
        f'<text x="{LEFT + i * step:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{label}</text>'
        for i, (value, label, title) in enumerate(zip(values, labels, titles, strict=True))
    )
    return _svg(_grid(top, "") + bars, name)


def _grid(top: float, unit: str) -> str:
    """Four lines with their values."""
    lines = ""
    for part in range(5):
        value = top * part / 4
        at = _height(value, top)
        lines += f'<line x1="{LEFT}" x2="{WIDTH}" y1="{at:.1f}" y2="{at:.1f}"/>'
        lines += f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{unit}{value:,.0f}</text>'
    return lines


def _height(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 10) * value / top


def _round_up(value: float) -> float:
    """The next of 4, 8, 12, 20, 40, ... so that a quarter of it is a round number."""
    power = 1.0
    while True:
        for step in (4, 8, 12, 20, 28):
            if step * power >= value:
                return step * power
        power *= 10


def _svg(inside: str, name: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}">{inside}</svg>'
