"""Invented offers of used cars for machines without the real data; age, miles and model set their prices as they do."""

import numpy as np
import pandas as pd

MODELS = pd.DataFrame(
    [
        ("ford f-150", "truck", 8, 38_000), ("ford focus", "sedan", 4, 19_000), ("ford escape", "SUV", 4, 25_000),
        ("ford mustang", "coupe", 8, 33_000), ("ford f-350 super duty", "pickup", 8, 52_000),
        ("chevrolet silverado 1500", "truck", 8, 37_000), ("chevrolet malibu", "sedan", 4, 22_000),
        ("chevrolet corvette", "coupe", 8, 62_000), ("toyota camry", "sedan", 4, 25_000),
        ("toyota tacoma", "pickup", 6, 33_000), ("toyota sienna", "mini-van", 6, 33_000),
        ("honda civic", "sedan", 4, 21_000), ("honda odyssey", "mini-van", 6, 32_000), ("ram 1500", "truck", 8, 39_000),
        ("jeep wrangler", "offroad", 6, 34_000), ("nissan altima", "sedan", 4, 22_000),
        ("nissan rogue", "SUV", 4, 24_000), ("gmc sierra 1500", "truck", 8, 40_000),
        ("subaru outback", "wagon", 4, 28_000), ("volkswagen jetta", "sedan", 5, 20_000),
        ("hyundai elantra", "sedan", 4, 18_000), ("bmw x5", "SUV", 6, 58_000),
    ],
    columns=["model", "type", "cylinders", "new"],
)  # fmt: skip
CONDITIONS = {"salvage": 0.45, "fair": 0.6, "good": 0.9, "excellent": 1.0, "like new": 1.08, "new": 1.15}
COLORS = ["black", "blue", "brown", "green", "grey", "red", "silver", "white", None]


def vehicles(rows: int, seed: int) -> pd.DataFrame:
    """Labelled rows with the columns of vehicles_us.csv; some offers are jokes for a dollar, as the real ones are."""
    random = np.random.default_rng(seed)
    frame = MODELS.iloc[random.integers(0, len(MODELS), rows)].reset_index(drop=True)
    age = np.minimum(random.gamma(2.2, 4.0, rows), 40).round()
    frame["model_year"] = _some_missing(2019 - age, 0.07, random)
    miles = (age * random.normal(11_000, 3_000, rows)).clip(500, 400_000)
    frame["odometer"] = _some_missing(miles.round(), 0.15, random)
    frame["condition"] = random.choice([*CONDITIONS], rows, p=[0.01, 0.04, 0.4, 0.45, 0.09, 0.01])
    frame["fuel"] = random.choice(["gas", "diesel", "hybrid", "other"], rows, p=[0.9, 0.07, 0.02, 0.01])
    frame["transmission"] = random.choice(["automatic", "manual", "other"], rows, p=[0.9, 0.07, 0.03])
    frame["paint_color"] = random.choice(COLORS, rows)
    worth = frame["new"] * frame["condition"].map(CONDITIONS) * np.exp(-0.1 * age) * random.lognormal(0, 0.15, rows)
    price = np.where(random.random(rows) < 0.015, 1, (worth + 1_000).round(-2))
    frame["cylinders"] = _some_missing(frame["cylinders"], 0.1, random)
    return frame.drop(columns="new").assign(price=price)


def _some_missing(values: pd.Series | np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    return np.where(random.random(len(values)) < share, np.nan, values)
