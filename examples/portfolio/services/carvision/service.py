"""CarVision: what a used car is offered for in the United States, with the range that nine of ten offers lie in."""

from typing import Annotated, Literal

from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline

from towpath.declare import (
    Context,
    Health,
    Meta,
    NotBlank,
    Record,
    Service,
    Style,
    at_least,
    at_most,
    by,
    constant,
    csv,
    interval,
    mae,
    mape,
    no_worse_than_champion,
    r2,
    random,
    redirect,
    regression,
    rmse,
    value,
)  # fmt: skip
from towpath.declare.features import first_word

from .vehicles import vehicles

NEXT_YEAR = 2027  # a fixed bound: the same record gets the same answer on any day; a release a year moves it

Body = Literal[
    "SUV", "bus", "convertible", "coupe", "hatchback", "mini-van", "offroad", "other", "pickup", "sedan", "truck",
    "van", "wagon",
]  # fmt: skip
Color = Literal[
    "black", "blue", "brown", "custom", "green", "grey", "orange", "purple", "red", "silver", "white", "yellow"
]  # fmt: skip


class Car(Record):
    model_year: Annotated[int, Meta(ge=1900, le=NEXT_YEAR)]
    model: Annotated[NotBlank, Meta(description="make and model in lower case: ford f-150")]
    condition: Literal["salvage", "fair", "good", "excellent", "like new", "new"] = "good"
    cylinders: Annotated[float, Meta(ge=0, le=16)] | None = 4
    fuel: Literal["gas", "diesel", "hybrid", "electric", "other"] = "gas"
    odometer: Annotated[float, Meta(ge=0, description="in miles")] = 0
    transmission: Literal["automatic", "manual", "other"] = "automatic"
    type: Body = "sedan"
    paint_color: Color | None = "white"
    drive: Context[Literal["4wd", "fwd", "rwd"]] | None = None  # clients send it, the data does not have it


service = Service(
    name="carvision",
    title="CarVision Inference API",
    record=Car,
    features={"brand": first_word("model")},
    target=regression("price"),
    data=csv(
        "vehicles_us.csv",
        sha256="f018c23feba7a500798bebb4493031ebc791860523eef721144ad5efb1891391",
        keep={
            "price": Meta(gt=1_000, lt=500_000),
            "model_year": Meta(ge=1990),
            "odometer": Meta(gt=0, lt=500_000),
        },
        generator=vehicles,
        rows=6_000,
    ),
    split=random(test=0.2, seed=42),
    answer={"prediction": value(round=2), "currency": constant("USD"), "interval": interval(0.9, round=2)},
    style=Style("fastapi", home=redirect("/docs"), health=Health("status", "uptime_seconds", word="ok")),
    metrics=[r2(), rmse(), mae(), mape()],
    backtest=by("model_year", last=0.2),
    gates=[at_least("r2", 0.80), at_most("rmse", 5_000), no_worse_than_champion("rmse", margin=100)],
)


@service.build
def build(columns):
    # Chosen by cross-validation on the training rows alone. Prices are skewed: the Poisson loss learns their logarithm,
    # yet predicts their mean, which a regression of the logarithm does not (rmse 4,146 against 4,510).
    first = len(columns.numbers)
    model = HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=150,
        max_leaf_nodes=63,
        min_samples_leaf=10,
        l2_regularization=20.0,
        categorical_features=list(range(first, len(columns.names))),
    )
    return make_pipeline(columns.encode(categories="ordinal"), model)
