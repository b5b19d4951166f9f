"""Customers made up for the compiler's tests, and what it means that a compiled model is right."""

import numpy as np
import pandas as pd

from towpath.core.plan import Column
from towpath.engine import links
from towpath.engine.graph import GraphModel
from towpath.training import parity
from towpath.training.compile.model import Compiled, compile_model

NUMBERS = ["Age", "Tenure", "Balance"]
WORDS = ["Country", "Gender"]
COLUMNS = (
    Column("Age", "Age"),
    Column("Country", "Country", categories=("France", "Germany", "Spain", "Italy", "Malta")),
    Column("Tenure", "Tenure"),
    Column("Gender", "Gender", categories=("Female", "Male")),
    Column("Balance", "Balance"),
    Column("Products", "Products", categories=(1, 2, 3, 4)),
)


def customers(rows: int = 400, seed: int = 7) -> pd.DataFrame:
    """Rows with missing tenures, and with columns in another order than the record's; Malta has no customer."""
    random = np.random.default_rng(seed)
    tenure = random.integers(0, 11, rows).astype(float)
    tenure[random.random(rows) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "Gender": random.choice(["Female", "Male"], rows),
            "Balance": np.round(random.gamma(2.0, 30_000.0, rows), 2),
            "Tenure": tenure,
            "Country": random.choice(["France", "Germany", "Spain", "Italy"], rows, p=[0.5, 0.3, 0.18, 0.02]),
            "Products": random.integers(1, 5, rows),
            "Age": random.integers(18, 90, rows),
        }
    )


def with_gaps(frame: pd.DataFrame, seed: int = 8) -> pd.DataFrame:
    """The same customers with a tenth of each column missing."""
    holes = np.random.default_rng(seed).random(frame.shape) < 0.1
    return frame.astype(object).mask(holes).astype(dict.fromkeys([*NUMBERS, "Products"], float))


def leavers(frame: pd.DataFrame) -> np.ndarray:
    """Who leaves: two classes that trees and lines can both learn in part."""
    pull = (frame["Age"] > 50) * 1.0 + (frame["Country"] == "Germany") * 0.8 - (frame["Products"] == 2) * 0.9
    noise = np.random.default_rng(3).normal(0.0, 0.6, len(frame))
    return np.where(pull + frame["Balance"] / 200_000 + noise > 0.6, "leaves", "stays")


def plans(frame: pd.DataFrame) -> np.ndarray:
    """One of three classes."""
    return np.digitize(frame["Age"] + 10 * frame["Products"] + (frame["Gender"] == "Male") * 5, [65, 85])


def spending(frame: pd.DataFrame) -> np.ndarray:
    """A number."""
    return (frame["Age"] * 3.3 + frame["Balance"] / 500 - (frame["Country"] == "Spain") * 90).to_numpy()


def scores(compiled: Compiled, rows: np.ndarray) -> np.ndarray:
    return links.LINKS[compiled.link](GraphModel(compiled.graph).raw(rows))


def columns_of(frame: pd.DataFrame) -> tuple[Column, ...]:
    """The customers' columns that the frame has, in the record's order."""
    return tuple(column for column in COLUMNS if column.name in frame)


def proved(estimator: object, frame: pd.DataFrame, columns: tuple[Column, ...], tolerance: float = 1e-12) -> Compiled:
    """Compile, and refuse unless it answers as scikit-learn on the frame and on thresholds."""
    compiled = compile_model(estimator, columns, parity.to_rows(frame, columns))
    on_thresholds = parity.threshold_rows(estimator, columns, frame, most=600, seed=1)
    asked = pd.concat([frame, on_thresholds], ignore_index=True).astype(frame.dtypes.filter(WORDS).to_dict())
    rows = parity.to_rows(asked, columns)
    parity.prove(parity.predictions(estimator, asked), scores(compiled, rows), tolerance, thresholds=[0.5]).require()
    return compiled


def summed(compiled: Compiled, rows: np.ndarray) -> np.ndarray:
    """The raw scores that base and contributions add up to."""
    added: np.ndarray = GraphModel(compiled.graph, compiled.explain).contributions(rows).sum(axis=2)
    return np.array(compiled.base) + added


def additivity(compiled: Compiled, rows: np.ndarray) -> float:
    """How far base + contributions is from the raw score at worst, in units of the score."""
    raw = GraphModel(compiled.graph).raw(rows)
    return float((np.abs(summed(compiled, rows) - raw) / np.maximum(1.0, np.abs(raw))).max())
