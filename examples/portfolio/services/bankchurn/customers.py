"""Invented customers for machines without the real data, with the churn that the real ones show in outline."""

import numpy as np
import pandas as pd


def customers(rows: int, seed: int) -> pd.DataFrame:
    """Labelled rows with the columns of Churn.csv; older, inactive and German customers leave more."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "CustomerId": np.arange(1, rows + 1),
            "CreditScore": np.clip(random.normal(650, 97, rows), 350, 850).round(),
            "Geography": random.choice(["France", "Germany", "Spain"], rows, p=[0.5, 0.25, 0.25]),
            "Gender": random.choice(["Female", "Male"], rows, p=[0.45, 0.55]),
            "Age": np.clip(18 + random.gamma(4.2, 5.0, rows), 18, 92).round(),
            "Tenure": np.where(random.random(rows) < 0.09, np.nan, random.integers(0, 11, rows)),
            "Balance": np.where(
                random.random(rows) < 0.36, 0.0, np.clip(random.normal(119_800, 30_000, rows), 0, None).round(2)
            ),
            "NumOfProducts": random.choice([1, 2, 3, 4], rows, p=[0.508, 0.459, 0.027, 0.006]),
            "HasCrCard": random.binomial(1, 0.7, rows),
            "IsActiveMember": random.binomial(1, 0.52, rows),
            "EstimatedSalary": random.uniform(12, 200_000, rows).round(2),
        }
    )
    return frame.assign(Exited=random.binomial(1, 1 / (1 + np.exp(-_log_odds(frame)))))


def _log_odds(frame: pd.DataFrame) -> pd.Series:
    """Log odds of leaving, a round-number sketch of what the real customers do; a share of 0.2 leaves."""
    age = 4.2 * np.exp(-(((frame["Age"] - 57) / 14) ** 2))
    products = frame["NumOfProducts"].map({1: 0.6, 2: -1.3, 3: 3.0, 4: 5.0})
    country = 0.9 * (frame["Geography"] == "Germany")
    return -3.15 + age + products + country + 0.55 * (frame["Gender"] == "Female") - 1.1 * frame["IsActiveMember"]
