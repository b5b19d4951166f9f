"""The Open Inference Protocol v2: tensors in, tensors out."""

import pytest

from tests.serving.asking import Asked, Turns
from tests.serving.conftest import CUSTOMER
from towpath.serving.app import App
from towpath.serving.model import open_model
from towpath.serving.service import NO_MODEL, Service
from towpath.serving.telemetry import Telemetry

FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]


def asked(bundles, name) -> Asked:
    turns = Turns()
    return Asked(turns, open_model(bundles[name], turns.append), name)


@pytest.fixture
def iris(bundles) -> Asked:
    return asked(bundles, "iris")


@pytest.fixture
def bankchurn(bundles) -> Asked:
    return asked(bundles, "bankchurn")


def infer(app: Asked, inputs, **more):
    return app.ask("POST", f"/v2/models/{app.service.name}/infer", {"inputs": inputs, **more})


def tensor(name, shape, data, datatype="FP64"):
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def test_the_server_and_its_model_are_live_ready_and_described(iris):
    assert iris.ask("GET", "/v2").json()["name"] == "towpath"
    assert iris.ask("GET", "/v2/health/live").json() == {"live": True}
    assert iris.ask("GET", "/v2/health/ready").json() == {"ready": True}
    assert iris.ask("GET", "/v2/models/iris/ready").json() == {"name": "iris", "ready": True}
    assert iris.ask("GET", "/v2/models/iris").json()["inputs"] == [
        {"name": "features", "datatype": "FP64", "shape": [-1, 4]}
    ]


def test_without_a_model_nothing_is_ready():
    unready = Asked(Turns(), None, "iris")

    assert unready.ask("GET", "/v2/health/ready").status == 503
    assert unready.ask("GET", "/v2/models/iris/ready").status == 503
    assert unready.ask("POST", "/v2/models/iris/infer", {"inputs": []}).json() == {"error": NO_MODEL.message}


@pytest.mark.parametrize("data", [FLOWERS, [value for flower in FLOWERS for value in flower]])
def test_a_vector_is_one_tensor_nested_or_flat(iris, data):
    reply = infer(iris, [tensor("features", [2, 4], data)], id="mine").json()

    assert reply["id"] == "mine" and reply["model_name"] == "iris"
    outputs = {output["name"]: output for output in reply["outputs"]}
    assert outputs["class_name"] == {
        "name": "class_name",
        "shape": [2],
        "datatype": "BYTES",
        "data": ["setosa", "virginica"],
    }
    assert outputs["probabilities"]["shape"] == [2, 3] and len(outputs["probabilities"]["data"]) == 6


def test_a_vector_may_come_as_one_tensor_for_each_position(iris):
    names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    inputs = [tensor(name, [2, 1], [flower[i] for flower in FLOWERS]) for i, name in enumerate(names)]

    assert infer(iris, inputs, outputs=[{"name": "prediction"}]).json()["outputs"] == [
        {"name": "prediction", "shape": [2], "datatype": "INT64", "data": [0, 2]}
    ]


def test_fields_come_as_one_tensor_each_and_give_what_predict_gives(bankchurn):
    kinds = {str: "BYTES", int: "INT64", float: "FP64"}
    inputs = [tensor(name, [1], [value], kinds[type(value)]) for name, value in CUSTOMER.items()]
    outputs = {output["name"]: output["data"][0] for output in infer(bankchurn, inputs).json()["outputs"]}
    single = bankchurn.ask("POST", "/predict", CUSTOMER).json()

    assert outputs["churn_probability"] == single["churn_probability"] and outputs["risk_level"] == single["risk_level"]


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ([], "no inputs"),
        ([tensor("features", [1, 4], [1, 2, 3])], "3 values"),
        ([tensor("features", [4], [1, 2, 3, 4])], "should be a list"),
        ([tensor("features", [1, 3], [1, 2, 3])], "takes 4"),
        ([tensor("features", [1, 4], [-1, 2, 3, 4])], "features[0] should be at least 0"),
        ([tensor("features", [0, 4], [])], "1 to 1000"),
        ([tensor("features", [0, 0], [])], "is not its shape"),
        ([tensor("features", [5, 0], [])], "is not its shape"),
        ([tensor("features", [-1, -4], [1, 2, 3, 4])], "4 values"),
        ([tensor("features", [1001], [1] * 1001)], "1 to 1000"),
        ([tensor("features", [1, 4], [1, 2, 3, 4]), tensor("x", [2], [1, 2])], "same first dimension"),
        ([tensor("other", [1], [1])], "features is required"),
        ([tensor("features", [1, 4], [1, 2, 3, 4], "FP128")], "no inference request"),
        ("x", "no inference request"),
    ],
)
def test_what_is_wrong_is_told_in_the_protocols_shape(iris, inputs, told):
    reply = infer(iris, inputs)

    assert reply.status == 400 and list(reply.json()) == ["error"] and told in reply.json()["error"]


def test_an_output_that_is_not_there_is_named(iris):
    reply = infer(iris, [tensor("features", [2, 4], FLOWERS)], outputs=[{"name": "price"}])

    assert reply.status == 400 and "'price'" in reply.json()["error"]


def test_predictions_of_tensors_are_counted_by_class(iris):
    infer(iris, [tensor("features", [2, 4], FLOWERS)])

    assert iris.metrics('towpath_predictions_total{service="iris"') == {
        'towpath_predictions_total{service="iris",class="setosa"}': 1,
        'towpath_predictions_total{service="iris",class="versicolor"}': 0,
        'towpath_predictions_total{service="iris",class="virginica"}': 1,
    }


@pytest.mark.parametrize(
    ("inputs", "field", "reason"),
    [
        ([tensor("features", [1, 4], [-1, 2, 3, 4])], "features", "ge"),
        ([tensor("other", [1], [1])], "features", "missing"),
        ([tensor("features", [1, 4], [1, 2, 3])], "", "tensor"),
        ("x", "", "json"),
    ],
)
def test_tensors_that_are_refused_are_counted_by_field_and_reason(iris, inputs, field, reason):
    series = f'towpath_rejected_total{{service="iris",field="{field}",reason="{reason}"}}'
    before = iris.metric(series)
    infer(iris, inputs)

    assert (before, iris.metric(series)) == (0, 1)
    assert sum(iris.metrics("towpath_predictions_total").values()) == 0


def test_what_a_server_of_several_services_says_of_itself_names_no_release_and_counts_for_no_service(bundles):
    turns, telemetry = Turns(), Telemetry()
    services = [Service(name, telemetry, f"/{name}") for name in ("iris", "bankchurn")]
    for service in services:
        service.install(open_model(bundles[service.name], turns.append))
    app = Asked(turns, None, app=App(services, telemetry))
    for path in ("/v2", "/v2/health/live", "/v2/health/ready"):
        assert not [name for name in app.ask("GET", path).headers if name.startswith("x-towpath")]

    assert app.ask("GET", "/v2/models/iris").headers["x-towpath-release"] == services[0].model.release
    assert app.metric('towpath_requests_total{service="",route="/v2/health/live",status="200"}') == 1
