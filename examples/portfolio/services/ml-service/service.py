"""ml-service: which of three species an iris is, from four lengths as four fields."""

from typing import Annotated

from sklearn.ensemble import RandomForestClassifier

from towpath.declare import (
    Health,
    Meta,
    Record,
    Service,
    Style,
    accuracy,
    at_least,
    class_index,
    class_name,
    log_loss,
    multiclass,
    packaged,
    random,
    redirect,
)  # fmt: skip

Centimetres = Annotated[float, Meta(ge=0, le=10, description="in cm")]


class Flower(Record):
    sepal_length: Centimetres
    sepal_width: Centimetres
    petal_length: Centimetres
    petal_width: Centimetres


service = Service(
    name="ml-service",
    title="Milestone 2 - ML Inference API",
    record=Flower,
    target=multiclass("species", classes=("setosa", "versicolor", "virginica"), labels=(0, 1, 2)),
    data=packaged(
        "iris",
        sha256="f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449",
        columns=("sepal_length", "sepal_width", "petal_length", "petal_width"),
    ),
    split=random(test=0.2, seed=42),
    answer={"predicted_class": class_index(), "label": class_name()},
    style=Style("fastapi", home=redirect("/docs"), health=Health("status", word="ok")),
    metrics=[accuracy(), log_loss()],
    gates=[at_least("accuracy", 0.95)],
)


@service.build
def build(columns):
    return RandomForestClassifier(n_estimators=10)  # as the original; it errs on no held-out flower
