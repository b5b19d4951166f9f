"""ML API: which of three species an iris is, and how sure the model is of it."""

from typing import Annotated

from sklearn.linear_model import LogisticRegression

from towpath.declare import (
    Health,
    Meta,
    Record,
    Service,
    Style,
    accuracy,
    at_least,
    class_index,
    log_loss,
    multiclass,
    packaged,
    random,
    top,
)  # fmt: skip

Centimetres = Annotated[float, Meta(gt=0, description="in cm")]


class Flower(Record):
    sepal_length: Centimetres
    sepal_width: Centimetres
    petal_length: Centimetres
    petal_width: Centimetres


service = Service(
    name="ml-api",
    title="Iris Classifier API",
    record=Flower,
    target=multiclass("species", classes=("setosa", "versicolor", "virginica"), labels=(0, 1, 2)),
    data=packaged(
        "iris",
        sha256="f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449",
        columns=("sepal_length", "sepal_width", "petal_length", "petal_width"),
    ),
    split=random(test=0.2, seed=42),
    answer={"prediction": class_index(), "confidence": top()},
    style=Style("fastapi", health=Health("status", word="ok")),
    metrics=[accuracy(), log_loss()],
    gates=[at_least("accuracy", 0.95)],
)


@service.build
def build(columns):
    return LogisticRegression(max_iter=200)
