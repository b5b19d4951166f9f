"""What the market looks like: a page, JSON and CSV from the offers that CarVision learns from and the model it serves.

    python examples/portfolio/services/carvision/analysis.py --output market

Reads the data as training does, by its sha256 and through the declared filters, and prices every offer with the packed
bundle. Nothing in what it writes depends on the day or the machine.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from towpath.bundle.read import Bundle, read_bundle
from towpath.cli.packed import newest_packed
from towpath.core.errors import TowpathError
from towpath.data.table import LabelledRows, read_rows
from towpath.declare.service import Service
from towpath.engine.engine import open_engine
from towpath.training.intervals import ends
from towpath.training.learn import to_records
from towpath.wiring import DEFAULT_SEED, open_project

sys.path.insert(0, str(Path(__file__).parent))  # run as a program, not as a part of the service's package
from market_page import market_page

PROJECT = Path(__file__).resolve().parents[2]
YEAR = 2019  # the offers were posted until April of it
CATEGORIES = {"Budget": 10_000, "Mid-Range": 25_000, "Premium": 50_000, "Luxury": np.inf}  # each up to that price
MANY = 100  # offers; the average of fewer says little about a brand
OLDEST, FARTHEST = 10, 100_000  # years and miles of what may count as undervalued
BIN, BINS = 2_500, 24  # dollars, of the price distribution; the last bin is open
LONG, SHOWN = ("opportunities", "undervalued"), 25  # tables of which page and JSON have the first rows, CSV all
LEAST_SHARE = 0.25  # of the model's price; below it an offer is a down payment, a part or a joke, not a bargain


def main() -> int:
    given = _arguments()
    try:
        offers, about = read_market(given.project, given.bundle)
    except TowpathError as error:
        sys.stderr.write(f"{error}\nhint: {error.hint}\n")
        return int(error.exit_code)
    market, tables = analyse(offers, about)
    sys.stdout.writelines(f"{path}\n" for path in write(given.output, market, tables))
    return 0


def read_market(root: Path, bundle: Path | None) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Every kept offer with the model's price and range, and where all of it comes from. Raises TowpathError."""
    project = open_project(root, os.environ)
    service = project.service("carvision")
    packed = read_bundle(bundle or newest_packed(project, "carvision"))
    rows = read_rows(service, project.objects, project.data_folders(), seed=DEFAULT_SEED)
    about = {
        "origin": rows.origin,
        "read": rows.read,
        "kept": [{"keeps": one.keeps, "drops": one.drops} for one in rows.filters],
        "sources": [{"name": one.name, "sha256": one.sha256} for one in rows.sources],
        "bundle": packed.id,
        "metrics": {one.name: one.value for one in packed.evaluation().metrics},
    }
    return offers_of(service, rows, packed), about


def offers_of(service: Service, rows: LabelledRows, packed: Bundle) -> pd.DataFrame:
    """One row for each offer: the record, its price, age, brand and category, and what the model says of it."""
    engine = open_engine(packed)
    predicted = engine.scores(to_records(engine, service, rows.features))[:, 0]
    low, high = ends(packed.plan.steps[-1].intervals[0], predicted)
    frame = rows.features.assign(price=rows.targets, predicted=predicted.round(2), low=low.round(2), high=high.round(2))
    return frame.assign(
        age=YEAR - frame["model_year"],
        brand=frame["model"].str.split().str[0].map(_brand),
        category=pd.cut(frame["price"], [0, *CATEGORIES.values()], labels=[*CATEGORIES]).astype(str),
    )


def _brand(word: str) -> str:
    return word.upper() if word in ("bmw", "gmc") else word.title()


def analyse(offers: pd.DataFrame, about: dict[str, Any]) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """The market as plain data, and the tables that are written as CSV."""
    tables = {
        "price_distribution": price_distribution(offers),
        "price_categories": price_categories(offers),
        "brands": brands(offers),
        "depreciation": depreciation(offers),
        "opportunities": opportunities(offers),
        "undervalued": undervalued(offers),
    }
    market = {"about": about, "key_figures": key_figures(offers, tables), "summary": summary(offers, tables)}
    shown = {name: table.head(SHOWN) if name in LONG else table for name, table in tables.items()}
    return market | {name: json.loads(table.to_json(orient="records")) for name, table in shown.items()}, tables


def key_figures(offers: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    found = tables["opportunities"]
    return {
        "offers": len(offers),
        "market_value": float(offers["price"].sum()),
        "mean_price": round(float(offers["price"].mean()), 2),
        "median_price": float(offers["price"].median()),
        "median_age": float(offers["age"].median()),
        "median_odometer": float(offers["odometer"].median()),
        "brands": int(offers["brand"].nunique()),
        "models": int(offers["model"].nunique()),
        "opportunities": len(found),
        "opportunities_below": round(float(found["below"].sum()), 2),
        "undervalued": len(tables["undervalued"]),
    }


def price_distribution(offers: pd.DataFrame) -> pd.DataFrame:
    """Offers by price in equal steps, the last of them open."""
    steps = (offers["price"] // BIN).clip(upper=BINS - 1).astype(int)
    counts = steps.value_counts().reindex(range(BINS), fill_value=0)
    return pd.DataFrame({"from": counts.index * BIN, "offers": counts.to_numpy()})


def price_categories(offers: pd.DataFrame) -> pd.DataFrame:
    table = offers.groupby("category")["price"].agg(offers="size", median_price="median", value="sum")
    table = table.reindex([*CATEGORIES], fill_value=0).reset_index()
    return table.assign(share=(table["offers"] / len(offers)).round(4))


def brands(offers: pd.DataFrame) -> pd.DataFrame:
    """Brands with at least a hundred offers, the dearest first."""
    table = offers.groupby("brand").agg(
        offers=("price", "size"),
        median_price=("price", "median"),
        mean_price=("price", "mean"),
        median_age=("age", "median"),
        median_odometer=("odometer", "median"),
    )
    table = table[table["offers"] >= MANY].sort_values(["median_price", "offers"], ascending=False)
    return table.round(2).reset_index()


def depreciation(offers: pd.DataFrame) -> pd.DataFrame:
    """The middle half of prices by age, and what is left of the price of the youngest; ages with a hundred offers."""
    quartiles = offers.groupby("age")["price"].quantile([0.25, 0.5, 0.75]).unstack()
    table = quartiles.set_axis(["q25", "median_price", "q75"], axis=1).assign(offers=offers.groupby("age").size())
    table = table[table["offers"] >= MANY].reset_index()
    left = table["median_price"] / table["median_price"].iloc[0] if len(table) else table["median_price"]
    return table.assign(left=left.round(4))


def opportunities(offers: pd.DataFrame) -> pd.DataFrame:
    """Whole cars offered below the range that nine of ten such cars lie in, the largest difference first."""
    below = offers["predicted"] - offers["price"]
    share = offers["price"] / offers["predicted"]
    chosen = (offers["price"] < offers["low"]) & (share >= LEAST_SHARE) & (offers["condition"] != "salvage")
    return _listed(offers.assign(below=below.round(2), discount=(1 - share).round(4))[chosen], "below")


def undervalued(offers: pd.DataFrame) -> pd.DataFrame:
    """The cheapest quarter of each price category, where young and little driven; by how far below the model."""
    quarter = offers.groupby("category")["price"].transform(lambda prices: prices.quantile(0.25))
    chosen = (offers["price"] < quarter) & (offers["age"] <= OLDEST) & (offers["odometer"] <= FARTHEST)
    below = (offers["predicted"] - offers["price"]).round(2)
    return _listed(offers.assign(quarter=quarter, below=below)[chosen], "below")


def _listed(found: pd.DataFrame, by: str) -> pd.DataFrame:
    told = ["model", "model_year", "odometer", "condition", "category", "price", "predicted", "low", "high"]
    columns = [*told, *(name for name in ("quarter", "below", "discount") if name in found)]
    return found.sort_values([by, "model", "price"], ascending=[False, True, True])[columns].reset_index(drop=True)


def summary(offers: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> list[str]:
    """What somebody who reads nothing else should know, in sentences with numbers."""
    dear, found, lost = tables["brands"], tables["opportunities"], tables["depreciation"]
    kinds = tables["price_categories"].set_index("category")
    said = [
        f"{len(offers):,} cars are on offer for ${offers['price'].sum() / 1e6:,.0f} million together; the median asks "
        f"${offers['price'].median():,.0f} and is {offers['age'].median():.0f} years old with "
        f"{offers['odometer'].median():,.0f} miles.",
        f"{kinds.loc['Budget', 'share']:.0%} cost ${CATEGORIES['Budget']:,} or less, and "
        f"{kinds.loc['Luxury', 'share']:.1%} more than ${CATEGORIES['Premium']:,}.",
    ]
    if len(dear):
        most = dear.sort_values("offers").iloc[-1]
        said.append(
            f"{most['brand']} has the most offers, {most['offers']:,}; of the {len(dear)} brands with {MANY} or more, "
            f"{dear.iloc[0]['brand']} asks the most (median ${dear.iloc[0]['median_price']:,.0f}) and "
            f"{dear.iloc[-1]['brand']} the least (${dear.iloc[-1]['median_price']:,.0f})."
        )
    half = lost[lost["left"] <= 0.5]
    if len(half):
        said.append(
            f"At {half.iloc[0]['age']:.0f} years a car asks half of what it asks in its first: "
            f"${half.iloc[0]['median_price']:,.0f} against ${lost.iloc[0]['median_price']:,.0f}."
        )
    said.append(
        f"{len(found):,} cars ask less than nineteen of twenty like them, ${found['below'].sum() / 1e6:,.1f} million "
        "below the model's prices together. Read the offer before you call it a bargain: some are down payments."
    )
    return said


def write(folder: Path, market: dict[str, Any], tables: dict[str, pd.DataFrame]) -> list[Path]:
    """The page, the JSON and one CSV for each table; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"market.html": market_page(market), "market.json": json.dumps(market, indent=1) + "\n"}
    texts |= {f"{name}.csv": table.to_csv(index=False, lineterminator="\n") for name, table in tables.items()}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where page, JSON and CSV go")
    parser.add_argument("--project", type=Path, default=PROJECT, metavar="DIR", help="default: the portfolio")
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="the model (default: the one packed last)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
