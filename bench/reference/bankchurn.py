"""Runbook 004's BankChurn: ten fields in, probability, decision, band, made-up contributions and a time out."""

import time
from datetime import datetime
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import HTTPException
from pydantic import BaseModel, Field

from bench.reference.serving import load, log, make_app, probabilities

app = make_app("BankChurn Predictor API")
pipeline = load()


class Customer(BaseModel):
    CreditScore: Annotated[int, Field(ge=300, le=850)]
    Geography: Literal["France", "Spain", "Germany"]
    Gender: Literal["Male", "Female"]
    Age: Annotated[int, Field(ge=18, le=100)]
    Tenure: Annotated[int, Field(ge=0, le=10)] | None = None
    Balance: Annotated[float, Field(ge=0)]
    NumOfProducts: Annotated[int, Field(ge=1, le=4)]
    HasCrCard: Annotated[int, Field(ge=0, le=1)]
    IsActiveMember: Annotated[int, Field(ge=0, le=1)]
    EstimatedSalary: Annotated[float, Field(ge=0)]


class Batch(BaseModel):
    customers: list[Customer]


def answers(customers: list[Customer]) -> list[dict[str, Any]]:
    rows = pd.DataFrame([customer.model_dump() for customer in customers])
    rows["Tenure"] = rows["Tenure"].astype(float)
    found = probabilities(pipeline, rows)[:, 1]
    return [answer(customer, float(p)) for customer, p in zip(customers, found, strict=True)]


def answer(customer: Customer, p: float) -> dict[str, Any]:
    return {
        "churn_probability": p,
        "churn_prediction": int(p >= 0.5),
        "risk_level": "LOW" if p < 0.3 else "MEDIUM" if p < 0.7 else "HIGH",
        "confidence": abs(p - 0.5) * 2,
        "feature_contributions": contributions(customer),
        "model_version": "1.0.0",
        "prediction_timestamp": datetime.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def contributions(customer: Customer) -> dict[str, float]:
    """The constants that the original answers with."""
    return {
        "Age": 0.15 if customer.Age > 50 else -0.05 if customer.Age < 30 else 0.0,
        "NumOfProducts": 0.12 if customer.NumOfProducts == 1 else 0.0,
        "IsActiveMember": 0.0 if customer.IsActiveMember else 0.18,
        "Geography": 0.14 if customer.Geography == "Germany" else 0.0,
    }


@app.post("/predict")
async def predict(customer: Customer) -> dict[str, Any]:
    reply = answers([customer])[0]
    log.info("prediction %s", reply["risk_level"])
    return reply


@app.post("/predict_batch")
async def predict_batch(batch: Batch) -> dict[str, Any]:
    if not 1 <= len(batch.customers) <= 1000:
        raise HTTPException(422, "1 to 1000 customers per batch")
    began = time.time()
    replies = answers(batch.customers)
    return {
        "predictions": replies,
        "batch_id": f"batch_{int(began)}",
        "total_customers": len(replies),
        "processing_time_seconds": time.time() - began,
    }
