"""BankChurn: how likely a bank's customer is to leave, and what speaks for it."""

from typing import Annotated, Literal

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from towpath.declare import (
    Batch,
    Health,
    Id,
    Meta,
    Record,
    Service,
    Style,
    answers,
    at_least,
    auc,
    band,
    batch_id,
    best_for,
    binary,
    brier,
    contributions,
    count,
    csv,
    decide,
    f1,
    margin,
    message,
    no_worse_than_champion,
    precision,
    probability,
    real,
    recall,
    release,
    seconds,
    slices,
    stratified,
    timestamp,
    whole,
)  # fmt: skip

from .customers import customers

Flag = Annotated[int, Meta(ge=0, le=1)]


class Customer(Record):
    CreditScore: Annotated[int, Meta(ge=300, le=850)]
    Geography: Literal["France", "Germany", "Spain"]
    Gender: Literal["Female", "Male"]
    Age: Annotated[int, Meta(ge=18, le=100)]
    Tenure: Annotated[int, Meta(ge=0, le=10, description="years with the bank")] | None  # 9 % of the rows have none
    Balance: Annotated[float, Meta(ge=0)]
    NumOfProducts: Annotated[int, Meta(ge=1, le=4)]
    HasCrCard: Flag
    IsActiveMember: Flag
    EstimatedSalary: Annotated[float, Meta(ge=0)]
    CustomerId: Id[int] | None = None


service = Service(
    name="bankchurn",
    title="BankChurn Predictor API",
    record=Customer,
    target=binary("Exited", positive="churn", arrives_within="30d"),
    data=csv(
        "Churn.csv",
        sha256="f212b3f2d0b97134069560966fa269b23ffc12df7125d7c2167dd100001fdc48",
        generator=customers,
    ),
    split=stratified(test=0.2, seed=42),
    answer={
        "churn_probability": probability("churn"),
        "churn_prediction": decide("churn", as_=int),
        "risk_level": band("churn", {"LOW": 0.3, "MEDIUM": 0.7, "HIGH": 1.0}),
        "confidence": margin("churn"),
        "feature_contributions": contributions("probability"),
        "model_version": release(),
        "prediction_timestamp": timestamp(),
    },
    style=Style(
        "fastapi",
        home=message("BankChurn Predictor API", "version", "docs", "health"),
        health=Health("status", "model_loaded", "uptime_seconds", "version"),
        batch=Batch(
            "customers",
            max=1000,
            reply={
                "predictions": answers(),
                "batch_id": batch_id(),
                "total_customers": count(),
                "processing_time_seconds": seconds(),
            },
        ),
    ),
    threshold=best_for("f1"),
    tune={
        "histgradientboostingclassifier__max_iter": whole(30, 120),
        "histgradientboostingclassifier__learning_rate": real(0.03, 0.3, log=True),
    },
    metrics=[auc(), f1("churn"), precision("churn"), recall("churn"), brier()],
    fairness=["Gender", "Geography"],
    gates=[
        at_least("auc", 0.84),
        at_least("f1", 0.60),
        no_worse_than_champion("f1", margin=0.01),
        slices("Gender", "recall", max_gap=0.10),
    ],
)


@service.build
def build(columns):
    # Chosen by repeated cross-validation on the training rows alone; few small trees answer fast.
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, l2_regularization=5.0, min_samples_leaf=30)
    return make_pipeline(columns.encode(categories="one-hot"), model)
