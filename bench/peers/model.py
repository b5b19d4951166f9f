"""What all peers serve: the joblib file that REFERENCE_MODEL names, in one pass over one thread."""

import os
from collections.abc import Sequence
from typing import Any

import joblib
import pandas as pd


def load() -> Any:
    pipeline = joblib.load(os.environ["REFERENCE_MODEL"])
    pipeline[-1].named_estimators_["rf"].n_jobs = 1
    return pipeline


def answers(pipeline: Any, customers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Four fields for each customer; nothing is validated."""
    rows = pd.DataFrame(list(customers))
    rows["Tenure"] = rows["Tenure"].astype(float)
    return [answer(float(p)) for p in pipeline.predict_proba(rows)[:, 1]]


def answer(p: float) -> dict[str, Any]:
    return {
        "churn_probability": p,
        "churn_prediction": int(p >= 0.5),
        "risk_level": "LOW" if p < 0.3 else "MEDIUM" if p < 0.7 else "HIGH",
        "model_version": "1.0.0",
    }
