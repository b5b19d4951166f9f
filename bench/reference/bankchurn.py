"""Runbook 004's BankChurn: ten fields in; probability, decision, band, margin, made-up contributions and a time out.

Fields, ranges, names and types of the replies, the limits of a batch, CORS and series are those of its API, and so are
the constants that it gives as contributions. It works as the original does: replies declared as pydantic models; one
frame for a request or a batch; the pipeline asked twice; a frame of results with bands, of which two INFO lines tell;
and each answer read from that frame, row by row. Its ResampleClassifier, which passes predictions on, is left out.
"""

import time
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi.middleware.cors import CORSMiddleware
from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, Field

from bench.reference.serving import Counts, load, log, make_app, probabilities

app = make_app("BankChurn Predictor API")
app.add_middleware(
    CORSMiddleware, allow_origins=["*"], allow_credentials=True, allow_methods=["*"], allow_headers=["*"]
)
counts = Counts(app, "bankchurn")
by_risk = Counter("bankchurn_predictions_total", "Predictions", ["risk_level"])
pipeline = load()
THRESHOLD = 0.5


class Customer(BaseModel):
    CreditScore: Annotated[int, Field(ge=300, le=850)]
    Geography: Literal["France", "Spain", "Germany"]
    Gender: Literal["Male", "Female"]
    Age: Annotated[int, Field(ge=18, le=100)]
    Tenure: Annotated[int, Field(ge=0, le=10)]
    Balance: Annotated[float, Field(ge=0)]
    NumOfProducts: Annotated[int, Field(ge=1, le=4)]
    HasCrCard: Annotated[int, Field(ge=0, le=1)]
    IsActiveMember: Annotated[int, Field(ge=0, le=1)]
    EstimatedSalary: Annotated[float, Field(ge=0)]


class Prediction(BaseModel):
    model_config = ConfigDict(protected_namespaces=())

    churn_probability: float
    churn_prediction: int
    risk_level: str
    confidence: float
    feature_contributions: dict[str, float]
    model_version: str
    prediction_timestamp: str


class Batch(BaseModel):
    customers: Annotated[list[Customer], Field(min_length=1, max_length=1000)]


class Predictions(BaseModel):
    predictions: list[Prediction]
    batch_id: str
    total_customers: int
    processing_time_seconds: float


@app.post("/predict", response_model=Prediction)
async def predict(customer: Customer) -> Prediction:
    began = time.time()
    given = customer.model_dump()
    results = predicted(pd.DataFrame([given]))
    p, chosen = float(results.iloc[0]["probability"]), int(results.iloc[0]["prediction"])
    counts.answered("/predict", time.time() - began)
    by_risk.labels(risk_level=risk_level(p)).inc()
    return answer(given, p, chosen)


@app.post("/predict_batch", response_model=Predictions)
async def predict_batch(batch: Batch) -> Predictions:
    began = time.time()
    given = [customer.model_dump() for customer in batch.customers]
    results = predicted(pd.DataFrame(given))
    replies = [
        answer(one, float(results.iloc[i]["probability"]), int(results.iloc[i]["prediction"]))
        for i, one in enumerate(given)
    ]
    return Predictions(
        predictions=replies,
        batch_id=f"batch_{int(began)}",
        total_customers=len(replies),
        processing_time_seconds=time.time() - began,
    )


def predicted(rows: pd.DataFrame) -> pd.DataFrame:
    """Decision, probability and band of each row."""
    classes, found = probabilities(pipeline, rows)
    results = pd.DataFrame({"prediction": classes})
    results["probability"] = found[:, 1]
    results["prediction"] = (results["probability"] >= THRESHOLD).astype(int)
    results["risk_level"] = pd.cut(results["probability"], bins=[0, 0.3, 0.7, 1.0], labels=["low", "medium", "high"])
    log.info("predicted %d rows", len(results))
    log.info("by risk: %s", dict(results["risk_level"].value_counts()))
    return results


def answer(customer: dict[str, Any], p: float, chosen: int) -> Prediction:
    return Prediction(
        churn_probability=p,
        churn_prediction=chosen,
        risk_level=risk_level(p),
        confidence=abs(p - 0.5) * 2,
        feature_contributions=contributions(customer),
        model_version="1.0.0",
        prediction_timestamp=time.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def risk_level(p: float) -> str:
    return "LOW" if p < 0.3 else "MEDIUM" if p < 0.7 else "HIGH"


def contributions(customer: dict[str, Any]) -> dict[str, float]:
    """The constants that the original answers with, whatever the model says."""
    age = customer["Age"]
    return {
        "CreditScore": 0.0,
        "Geography": 0.14 if customer["Geography"] == "Germany" else 0.0,
        "Age": 0.15 if age > 50 else -0.05 if age < 30 else 0.0,
        "Balance": 0.0,
        "NumOfProducts": 0.12 if customer["NumOfProducts"] == 1 else 0.0,
        "IsActiveMember": 0.0 if customer["IsActiveMember"] else 0.18,
        "EstimatedSalary": 0.0,
    }
