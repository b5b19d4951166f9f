"""Iris: which of three species a flower is, from four lengths in centimetres."""

from typing import Annotated

from sklearn.ensemble import RandomForestClassifier

from towpath.declare import (
    Meta,
    Record,
    Service,
    Style,
    accuracy,
    at_least,
    class_index,
    class_name,
    log_loss,
    message,
    multiclass,
    named,
    packaged,
    probabilities,
    random,
)  # fmt: skip

LENGTHS = ("sepal_length", "sepal_width", "petal_length", "petal_width")
Centimetres = Annotated[float, Meta(ge=0, le=30)]  # no iris has a longer sepal or petal


class Flower(Record):
    features: Annotated[
        tuple[Centimetres, Centimetres, Centimetres, Centimetres],
        named(*LENGTHS),
        Meta(description="sepal length, sepal width, petal length, petal width, in cm"),
    ]


service = Service(
    name="iris",
    title="Iris Classification API",
    record=Flower,
    target=multiclass("species", classes=("setosa", "versicolor", "virginica"), labels=(0, 1, 2)),
    data=packaged("iris", sha256="f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449", columns=LENGTHS),
    split=random(test=0.2, seed=42),
    answer={"prediction": class_index(), "class_name": class_name(), "probabilities": probabilities()},
    style=Style("fastapi", home=message("Iris Classification API is running")),
    metrics=[accuracy(), log_loss()],
    gates=[at_least("accuracy", 0.95)],
)


@service.build
def build(columns):
    return RandomForestClassifier(n_estimators=100)
