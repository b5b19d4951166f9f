"""Telecom: whether a subscriber with this month's use belongs on the Ultra plan."""

from typing import Annotated

from sklearn.ensemble import ExtraTreesClassifier

from towpath.declare import (
    Health,
    Meta,
    Record,
    Service,
    Style,
    accuracy,
    at_least,
    auc,
    best_for,
    binary,
    brier,
    csv,
    decide,
    f1,
    no_worse_than_champion,
    precision,
    probability,
    recall,
    redirect,
    stratified,
)  # fmt: skip

from .subscribers import subscribers

NotNegative = Annotated[float, Meta(ge=0)]


class Month(Record):
    calls: NotNegative
    minutes: NotNegative
    messages: NotNegative
    mb_used: NotNegative


service = Service(
    name="telecom",
    title="TelecomAI Inference API",
    record=Month,
    target=binary("is_ultra", positive="ultra", negative="smart"),
    data=csv(
        "users_behavior.csv",
        sha256="fa089b8abaee72e5fdc514749912dcf6e4959ca6f4c76900b5ea4ae55257354e",
        generator=subscribers,
        rows=3_214,
    ),
    split=stratified(test=0.2, seed=42),
    answer={"prediction": decide("ultra", as_=int), "probability_is_ultra": probability("ultra")},
    style=Style(
        "fastapi", home=redirect("/docs"), health=Health("status", "model_loaded", "uptime_seconds", word="ok")
    ),
    threshold=best_for("f1"),
    metrics=[auc(), f1("ultra"), precision("ultra"), recall("ultra"), accuracy(), brier()],
    gates=[at_least("auc", 0.80), at_least("f1", 0.60), no_worse_than_champion("f1", margin=0.01)],
)


@service.build
def build(columns):
    # Chosen by repeated cross-validation on the training rows alone.
    return ExtraTreesClassifier(n_estimators=100, max_depth=12, max_features=None, min_samples_leaf=5)
