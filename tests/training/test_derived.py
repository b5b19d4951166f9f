"""A service with derived columns trains, is proved, and computes them for a request as it did for its training rows."""

import json
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from towpath.core.contract import features_alone, record_type
from towpath.core.plan import Column, Encode, Plan
from towpath.core.settings import Settings
from towpath.data.table import LabelledRows
from towpath.declare import Meta, Record, Service, contributions, csv, named, r2, random, regression, value
from towpath.declare.features import (
    bins,
    clip,
    contains,
    date_part,
    first_word,
    is_missing,
    length,
    log1p,
    lookup,
    lower,
    product,
    ratio,
    subtract,
    years_since,
)
from towpath.engine.encode import Encoder
from towpath.engine.engine import Engine, build_engine
from towpath.training import parity
from towpath.training.compiled import compile_plan
from towpath.training.derived import with_derived
from towpath.training.fit import is_text, model_input
from towpath.training.split import split_rows
from towpath.training.train import Trained, train

MODELS: dict[str, Any] = {
    "line": Ridge(),
    "forest": RandomForestRegressor(10, max_depth=6, random_state=0),
    "boosting": HistGradientBoostingRegressor(max_iter=20, random_state=0),
}


class Car(Record):
    model: str
    year: Annotated[int, Meta(ge=1900, le=2020)] | None
    odometer: Annotated[float, Meta(ge=0)] | None
    posted: str | None
    fuel: Literal["gas", "diesel"]
    automatic: bool
    size: Annotated[tuple[float, float], named("length", "width")]


FEATURES: dict[str, Any] = {
    "brand": lower(first_word("model")),
    "age": subtract(2019, "year"),
    "per_year": ratio("odometer", clip("age", 1)),
    "log_odometer": log1p("odometer"),
    "month": date_part("posted", "month"),
    "waited": years_since("posted", "2019-04-19"),
    "truck": contains("model", "truck"),
    "long_name": bins(length("model"), [6, 9]),
    "power": lookup("fuel", {"gas": 1, "diesel": 2}),
    "no_odometer": is_missing("odometer"),
    "area": product("length", "width"),
}


def cars(model: Any, *left_out: str) -> Service:
    service = Service(
        name="cars",
        record=Car,
        target=regression("price"),
        data=csv("cars.csv", sha256="0" * 64),
        features=FEATURES,
        split=random(test=0.2, seed=1),
        answer={"price": value(), "because": contributions("score")},
        metrics=[r2()],
    )
    how = "impute" if isinstance(model, Ridge) else "as-is"
    service.build(lambda columns: make_pipeline(columns.without(*left_out).encode(numbers=how), clone(model)))
    return service


def rows(count: int = 600, seed: int = 5) -> LabelledRows:
    some = np.random.default_rng(seed)
    brand, kind = some.choice(["Ford", "bmw", "Kia "], count), some.choice(["truck", "mini", "f-150", ""], count)
    frame = pd.DataFrame(
        {
            "model": [f"{a} {b}" for a, b in zip(brand, kind, strict=True)],
            "year": np.where(some.random(count) < 0.1, np.nan, some.integers(1990, 2020, count)),
            "odometer": np.where(some.random(count) < 0.1, np.nan, some.uniform(0, 2e5, count).round()),
            "posted": pd.Series([f"2018-{m:02d}-15" for m in some.integers(1, 13, count)], dtype=object),
            "fuel": some.choice(["gas", "diesel"], count),
            "automatic": some.integers(0, 2, count).astype(float),
            "length": some.uniform(3, 6, count),
            "width": some.uniform(1, 3, count),
        }
    )
    frame.loc[some.random(count) < 0.1, "posted"] = np.nan
    price = 300.0 * (frame["year"].fillna(2000) - 1980) - frame["odometer"].fillna(5e4) / 40 + 4_000 * (brand == "bmw")
    return LabelledRows(frame, pd.DataFrame(index=frame.index), (price + 500 * frame["width"]).to_numpy(), "real", ())


@cache
def trained(kind: str, *left_out: str) -> tuple[Service, Trained]:
    service = cars(MODELS[kind], *left_out)
    return service, train(service, rows(), seed=3, say=lambda text: None)


def engine_of(service: Service, files: dict[str, bytes]) -> Engine:
    plan = msgspec.json.decode(files["plan.json"], type=Plan)
    return build_engine(service.contract(), plan, Settings(0.5), files)


@pytest.mark.parametrize("kind", MODELS)
def test_a_service_with_derived_columns_is_proved(kind: str) -> None:
    _, found = trained(kind, "model", "posted")

    assert found.evaluation.parity.worst <= 1e-12
    assert found.evaluation.additivity is not None and found.evaluation.additivity <= 1e-12
    assert found.evaluation.metrics[0].value > 0.9


RECORDS = st.fixed_dictionaries(
    {
        "model": st.one_of(st.text(), st.sampled_from(["Ford truck", "BMW", " kia rio"])),
        "year": st.one_of(st.none(), st.integers(1900, 2020)),
        "odometer": st.one_of(st.none(), st.floats(0, 1e308)),
        "posted": st.one_of(st.none(), st.text(), st.dates().map(str), st.datetimes().map(str)),
        "fuel": st.sampled_from(["gas", "diesel"]),
        "automatic": st.booleans(),
        "size": st.lists(st.floats(-1e200, 1e200), min_size=2, max_size=2),
    }
)


def encoded_columns(found: Trained) -> tuple[Column, ...]:
    [encode, *_] = msgspec.json.decode(found.files["plan.json"], type=Plan).steps
    assert isinstance(encode, Encode)
    return tuple(column for column in encode.columns if not column.unused)


@given(record=RECORDS)
def test_a_request_is_encoded_as_the_same_row_of_a_frame_is(record: dict[str, Any]) -> None:
    service, found = trained("boosting")
    columns = encoded_columns(found)
    given = msgspec.convert(record, record_type(features_alone(service.contract())))
    size = dict(zip(("length", "width"), record["size"], strict=True))
    frame = pd.DataFrame([record | size]).astype({"year": float, "odometer": float})

    row = Encoder(Encode(columns)).row(given)

    learnt = parity.to_rows(model_input(service, frame), columns)[0]
    assert np.array_equal(np.array(row, dtype=np.float64), learnt, equal_nan=True)


def test_what_a_derived_column_adds_goes_to_the_fields_it_is_made_of() -> None:
    service, found = trained("line", "model", "posted")
    engine = engine_of(service, found.files)
    one = {
        "model": "BMW x5",
        "year": 2015,
        "odometer": 1e4,
        "posted": None,
        "fuel": "gas",
        "automatic": True,
        "size": [4, 2],
    }

    [given] = engine.contributions([engine.read(one)])

    assert set(given.parts[0]) == {"model", "year", "odometer", "posted", "fuel", "automatic", "length", "width"}
    raw = engine.model.raw([engine.model.prepare(engine.read(one))])[0, 0]
    assert given.base[0] + sum(given.parts[0].values()) == pytest.approx(raw, rel=1e-12)
    assert given.parts[0]["model"] > 1_000  # what its brand adds


def test_a_column_of_two_fields_is_shared_by_them_equally() -> None:
    service, found = trained("line", "model", "posted")
    engine = engine_of(service, found.files)
    plan = msgspec.json.decode(found.files["plan.json"], type=Plan)
    only_area = [10.0 if column.sources == ("length", "width") else 0.0 for column in plan.steps[0].columns]

    [given] = engine.model._parts(np.array([[only_area]])).each()  # type: ignore[attr-defined]
    parts = given.parts[0]

    assert {name: part for name, part in parts.items() if part} == {"length": 5.0, "width": 5.0}


def test_a_source_that_is_left_out_leaves_no_list_of_its_values_in_the_bundle() -> None:
    _, kept = trained("line")
    _, found = trained("line", "model", "posted")

    encoded = {one["name"]: one for one in json.loads(found.files["plan.json"])["steps"][0]["columns"]}
    assert b"f-150" in kept.files["plan.json"] and b"f-150" not in found.files["plan.json"]
    assert encoded["model"] == {"name": "model", "field": "model", "unused": True}
    assert encoded["brand"]["categories"] == ["bmw", "ford", "kia"]


def test_the_reference_has_a_sketch_of_each_derived_column() -> None:
    _, found = trained("forest", "model", "posted")

    sketches = {one["name"]: one for one in json.loads(found.files["reference.json"])["features"]}
    assert set(FEATURES) <= set(sketches)
    assert sketches["brand"]["categories"] == ["bmw", "ford", "kia"]
    assert sketches["long_name"]["categories"] == ["below 6", "6 to 9", "from 9"]
    assert sum(sketches["age"]["counts"]) + sketches["age"]["missing"] == 120


@pytest.mark.feature("F236")
def test_what_the_preprocessing_knows_it_has_from_training_rows_alone() -> None:
    service, data = cars(MODELS["boosting"], "model", "posted"), rows()
    _, test = split_rows(service.split, data.targets)
    data.features.loc[data.features.index[test[:3]], "model"] = "Lada niva"

    found = train(service, data, seed=3, say=lambda text: None)

    encoded = {one["name"]: one for one in json.loads(found.files["plan.json"])["steps"][0]["columns"]}
    assert encoded["brand"]["categories"] == ["bmw", "ford", "kia"]
    assert found.test.tolist() == test.tolist()


def test_golden_rows_hold_the_record_alone() -> None:
    _, found = trained("forest", "model", "posted")

    golden = [json.loads(line) for line in found.files["golden.jsonl"].splitlines()]
    assert {name for row in golden for name in row["record"]} == set(Car.__annotations__)
    assert {row["why"] for row in golden} == {"typical", "edge", "missing", "threshold"}


def test_a_frame_keeps_its_index_and_gets_objects_and_floats() -> None:
    frame = rows().features.iloc[[7, 3]]

    made = with_derived(cars(Ridge()).columns, frame)

    assert list(made.index) == [7, 3]
    assert made["brand"].dtype == object and made["age"].dtype == np.float64
    assert "brand" not in frame


class Word(Record):
    text: str


def test_a_record_of_one_string_with_something_derived_is_no_text_model() -> None:
    target, answer = regression("y"), {"y": value()}
    plain = Service("w", record=Word, target=target, data=csv("w.csv", sha256="0" * 64), answer=answer)
    longer = Service(
        "w",
        record=Word,
        target=target,
        data=csv("w.csv", sha256="0" * 64),
        answer=answer,
        features={"n": length("text")},
    )

    assert [is_text(plain), is_text(longer)] == [True, False]


def test_a_model_of_what_is_derived_alone_answers_as_scikit_learn() -> None:
    service = cars(Ridge(), "model", "year", "odometer", "posted", "fuel", "automatic", "length", "width", "brand")
    data = rows()
    estimator = service.estimator().fit(model_input(service, data.features), data.targets)
    compiled = compile_plan(service, estimator, data.features)

    engine = build_engine(service.contract(), compiled.plan, Settings(0.5), compiled.files)
    one = {
        "model": "x",
        "year": 2000,
        "odometer": 5.0,
        "posted": "2018-01-01",
        "fuel": "gas",
        "automatic": 0,
        "size": [1, 2],
    }
    frame = pd.DataFrame([one | {"length": 1.0, "width": 2.0, "automatic": 0.0}])
    given = engine.scores([engine.read(one | {"automatic": False})])
    assert given[0, 0] == pytest.approx(estimator.predict(model_input(service, frame))[0], rel=1e-12)
