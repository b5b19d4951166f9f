"""An analyst wants to know what the market looks like, and which offers are worth a call."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.bundles import PORTFOLIO

pytestmark = pytest.mark.integration

ANALYSIS = PORTFOLIO / "services" / "carvision" / "analysis.py"
TABLES = ("price_distribution", "price_categories", "brands", "depreciation", "opportunities", "undervalued")


@pytest.fixture
def analysed(bundles: dict[str, Path], tmp_path: Path) -> Callable[..., Path]:
    """Runs the program in a copy of the project, as an analyst would; gives the folder of what it wrote."""

    def run(**environment: str) -> Path:
        project, out = tmp_path / "portfolio", tmp_path / "market"
        shutil.copytree(PORTFOLIO, project, ignore=shutil.ignore_patterns("__pycache__", ".towpath"))
        words = ["--project", project, "--output", out, "--bundle", bundles["carvision"]]
        done = subprocess.run(
            [sys.executable, ANALYSIS, *map(str, words)],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [
            str(out / name) for name in ("market.html", "market.json", *map("{}.csv".format, TABLES))
        ]
        return out

    return run


@pytest.fixture
def market(real_data: Path, analysed: Callable[..., Path]) -> tuple[dict[str, Any], dict[str, pd.DataFrame], str]:
    """On the real offers: the JSON, the tables, the page."""
    out = analysed()
    tables = {name: pd.read_csv(out / f"{name}.csv") for name in TABLES}
    return json.loads((out / "market.json").read_text()), tables, (out / "market.html").read_text()


@pytest.fixture
def offers(real_data: Path) -> pd.DataFrame:
    """The real offers, read and filtered by pandas alone."""
    frame = pd.read_csv(real_data / "vehicles_us.csv")
    frame = frame[(frame["price"] > 1000) & (frame["price"] < 500_000) & (frame["model_year"] >= 1990)]
    frame = frame[(frame["odometer"] > 0) & (frame["odometer"] < 500_000)]
    return frame.assign(brand=frame["model"].str.split().str[0], age=2019 - frame["model_year"])


@pytest.mark.data
@pytest.mark.scenario("S118")
@pytest.mark.feature("F507", "F509")
def test_the_figures_are_those_of_the_real_offers(market: Any, offers: pd.DataFrame):
    told, tables, page = market
    figures = told["key_figures"]

    assert (figures["offers"], told["about"]["read"]) == (len(offers), 51_525)
    assert figures["market_value"] == offers["price"].sum()
    assert figures["median_price"] == offers["price"].median()
    assert figures["mean_price"] == pytest.approx(offers["price"].mean(), abs=0.005)
    for part in (f"{len(offers):,}", f"${offers['price'].median():,.0f}"):
        assert part in page

    _brands(tables["brands"], offers)
    _depreciation(tables["depreciation"], offers)
    _categories(tables["price_categories"], offers)
    _undervalued(tables["undervalued"], offers)
    assert tables["price_distribution"]["offers"].sum() == len(offers)


def _brands(table: pd.DataFrame, offers: pd.DataFrame) -> None:
    counts = offers["brand"].value_counts()
    assert set(table["brand"].str.lower()) == set(counts[counts >= 100].index)
    for row in table.itertuples():
        own = offers[offers["brand"] == row.brand.lower()]
        assert (row.offers, row.median_price) == (len(own), own["price"].median())


def _depreciation(table: pd.DataFrame, offers: pd.DataFrame) -> None:
    for row in table.itertuples():
        own = offers[offers["age"] == row.age]["price"]
        assert (row.offers, row.median_price, row.q25) == (len(own), own.median(), own.quantile(0.25))


def _categories(table: pd.DataFrame, offers: pd.DataFrame) -> None:
    edges = {"Budget": (0, 10_000), "Mid-Range": (10_000, 25_000), "Premium": (25_000, 50_000), "Luxury": (50_000, 1e9)}
    counted = {
        name: int(((offers["price"] > low) & (offers["price"] <= up)).sum()) for name, (low, up) in edges.items()
    }
    assert dict(zip(table["category"], table["offers"], strict=True)) == counted


def _undervalued(table: pd.DataFrame, offers: pd.DataFrame) -> None:
    kinds = pd.cut(offers["price"], [0, 10_000, 25_000, 50_000, 1e9])
    quarter = offers.groupby(kinds, observed=True)["price"].transform(lambda prices: prices.quantile(0.25))
    chosen = (offers["price"] < quarter) & (offers["age"] <= 10) & (offers["odometer"] <= 100_000)
    assert len(table) == chosen.sum()
    assert table["price"].sum() == offers.loc[chosen, "price"].sum()


@pytest.mark.data
@pytest.mark.feature("F507")
def test_every_opportunity_is_well_below_what_the_served_model_says(market: Any):
    told, tables, _ = market
    found = tables["opportunities"]

    assert 500 < len(found) == told["key_figures"]["opportunities"] < 0.06 * told["key_figures"]["offers"]
    assert ((found["price"] < found["low"]) & (found["low"] < found["predicted"])).all()
    assert (found["condition"] != "salvage").all()
    assert found["below"].is_monotonic_decreasing
    assert told["key_figures"]["opportunities_below"] == pytest.approx(found["below"].sum())


@pytest.mark.data
def test_the_summary_says_in_sentences_what_the_tables_hold(market: Any, offers: pd.DataFrame):
    told, _, page = market
    said = " ".join(told["summary"])

    cheap = (offers["price"] <= 10_000).mean()
    assert f"{len(offers):,} cars" in said
    assert f"{cheap:.0%} cost $10,000 or less" in said
    assert f"Ford has the most offers, {(offers['brand'] == 'ford').sum():,}" in said
    assert all(sentence.replace("'", "&#x27;") in page for sentence in told["summary"])


def test_the_page_needs_no_network_and_runs_no_script(analysed: Callable[..., Path]):
    page = (analysed() / "market.html").read_text()

    assert not re.search(r"https?://|<script|<link|@import|url\(", page)
    assert page.count("<svg") == 2
    assert len(page) < 100_000


def test_on_generated_offers_everything_says_so(analysed: Callable[..., Path]):
    out = analysed(TOWPATH_DATA="")

    assert "Invented offers: no word on the real market" in (out / "market.html").read_text()
    assert json.loads((out / "market.json").read_text())["about"]["origin"] == "generated"
    assert list(csv.DictReader((out / "brands.csv").open()))


def test_the_same_offers_and_model_give_the_same_files(analysed: Callable[..., Path], tmp_path: Path):
    first = {path.name: path.read_bytes() for path in analysed().iterdir()}
    shutil.rmtree(tmp_path / "portfolio")

    assert {path.name: path.read_bytes() for path in analysed().iterdir()} == first


def test_without_a_packed_model_it_says_how_to_get_one(tmp_path: Path):
    project = Path(shutil.copytree(PORTFOLIO, tmp_path / "p", ignore=shutil.ignore_patterns("__pycache__", ".towpath")))
    words = ["--project", project, "--output", tmp_path / "market"]
    done = subprocess.run([sys.executable, ANALYSIS, *map(str, words)], capture_output=True, text=True, check=False)

    assert done.returncode == 8
    assert "towpath train carvision, then towpath pack carvision" in done.stderr
    assert not (tmp_path / "market").exists()
