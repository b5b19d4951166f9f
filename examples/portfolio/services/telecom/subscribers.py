"""Invented months of phone subscribers for machines without the real data, on the plans that they would choose."""

import numpy as np
import pandas as pd


def subscribers(rows: int, seed: int) -> pd.DataFrame:
    """Labelled rows with the columns of users_behavior.csv; who uses very much or hardly anything is on Ultra."""
    random = np.random.default_rng(seed)
    calls = random.negative_binomial(4, 4 / (4 + 63), rows)
    frame = pd.DataFrame(
        {
            "calls": calls.astype(float),
            "minutes": (calls * np.clip(random.normal(7, 0.9, rows), 3, 12)).round(2),
            "messages": np.where(
                random.random(rows) < 0.15, 0.0, random.negative_binomial(1.3, 1.3 / (1.3 + 45), rows)
            ),
            "mb_used": np.clip(random.normal(17_200, 7_500, rows), 0, 50_000).round(2),
        }
    )
    return frame.assign(is_ultra=random.binomial(1, 1 / (1 + np.exp(-_log_odds(frame)))))


def _log_odds(frame: pd.DataFrame) -> pd.Series:
    """Log odds of being on Ultra, a round-number sketch of what the real subscribers do; a share of 0.3 is."""
    heavy = 4.0 * (frame["mb_used"] > 25_000) + 3.5 * (frame["minutes"] > 700) + 3.5 * (frame["messages"] > 90)
    light = 3.0 * (frame["mb_used"] < 6_000) + 2.0 * (frame["minutes"] < 120)
    return -2.6 + heavy + light
