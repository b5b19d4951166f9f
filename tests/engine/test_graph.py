"""The graph runner loads from bytes only, and only what computes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from towpath.core.errors import VerificationRefused
from towpath.engine.graph import GraphModel
from towpath.training.compile.graph import GraphBuilder

ROWS = np.array([[1.0, 2.0], [3.0, np.nan]])


def doubled() -> bytes:
    graph = GraphBuilder(columns=2)
    graph.call("Add", "X", "X")
    return graph.finish("raw", [None, 2])


def halved() -> bytes:
    graph = GraphBuilder(columns=2)
    graph.call("Reshape", graph.call("Mul", "X", graph.constant(0.5)), graph.constant([-1, 1, 2], np.int64))
    return graph.finish("contributions", [None, 1, 2])


def test_rows_come_out_in_double_with_what_is_missing_still_missing() -> None:
    assert np.array_equal(GraphModel(doubled()).raw(ROWS), 2 * ROWS, equal_nan=True)


def test_no_row_at_all_gives_no_scores() -> None:
    assert GraphModel(doubled()).raw(np.empty((0, 2))).shape == (0, 2)


def test_the_explain_graph_is_loaded_when_it_is_first_asked() -> None:
    model = GraphModel(doubled(), b"no model")

    assert model.raw(ROWS[:1]).tolist() == [[2.0, 4.0]]
    with pytest.raises(VerificationRefused, match=r"explain\.onnx"):
        model.contributions(ROWS)


def test_contributions_have_a_value_for_each_output_and_column() -> None:
    assert GraphModel(doubled(), halved()).contributions(ROWS[:1]).tolist() == [[[0.5, 1.0]]]


def test_a_model_without_contributions_says_so() -> None:
    with pytest.raises(VerificationRefused, match="no contributions"):
        GraphModel(doubled()).contributions(ROWS)


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"not a model", b"\xff" * 40, doubled()[:-20], doubled()[20:], b"\x08"]
)
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    with pytest.raises(VerificationRefused, match=r"graph\.onnx"):
        GraphModel(content)


def test_a_model_that_was_cut_off_is_refused_or_answers_the_same() -> None:
    whole = doubled()
    refused = 0
    for size in range(len(whole)):
        try:
            assert GraphModel(whole[:size]).raw(ROWS[:1]).tolist() == [[2.0, 4.0]]
        except VerificationRefused:
            refused += 1

    assert refused >= len(whole) - 1  # without its last field, the import of operators it does not use, it is whole


@pytest.mark.parametrize("imported", [True, False])
def test_operators_of_other_makers_are_refused_by_name(imported: bool) -> None:
    model = onnx.load_from_string(doubled())
    model.graph.node.append(helper.make_node("Inverse", ["X"], ["other"], domain="com.microsoft"))
    if imported:
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    with pytest.raises(VerificationRefused, match=r"graph\.onnx uses com\.microsoft"):
        GraphModel(bytes(model.SerializeToString()))


def test_operators_of_other_makers_are_found_in_a_branch_too() -> None:
    output = helper.make_tensor_value_info("other", TensorProto.DOUBLE, [None, 2])
    branch = helper.make_graph(
        [helper.make_node("Inverse", ["X"], ["other"], domain="com.microsoft")], "b", [], [output]
    )
    model = onnx.load_from_string(doubled())
    model.graph.node.append(helper.make_node("If", ["yes"], ["z"], then_branch=branch, else_branch=branch))

    with pytest.raises(VerificationRefused, match=r"com\.microsoft"):
        GraphModel(bytes(model.SerializeToString()))


def test_functions_of_its_own_are_refused() -> None:
    model = onnx.load_from_string(doubled())
    body = [helper.make_node("Add", ["x", "x"], ["y"])]
    model.functions.append(helper.make_function("", "Mine", ["x"], ["y"], body, [helper.make_opsetid("", 21)]))

    with pytest.raises(VerificationRefused, match="functions of its own"):
        GraphModel(bytes(model.SerializeToString()))


@pytest.mark.parametrize("linked", [False, True])
def test_data_outside_the_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(np.array([1.0, 2.0]).tobytes())
    if linked:
        (tmp_path / "here").hardlink_to(secret)
    monkeypatch.chdir(tmp_path)
    model = onnx.load_from_string(doubled())
    outside = TensorProto(name="c", data_type=TensorProto.DOUBLE, dims=[2], data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value="here" if linked else "secret")
    model.graph.initializer.append(outside)
    model.graph.node[0].input[1] = "c"

    with pytest.raises(VerificationRefused, match="keeps data in another file"):
        GraphModel(bytes(model.SerializeToString()))


def test_a_model_that_is_well_formed_but_wrong_does_not_load() -> None:
    model = onnx.load_from_string(doubled())
    model.graph.node[0].op_type = "NoSuchOperator"

    with pytest.raises(VerificationRefused, match="does not load"):
        GraphModel(bytes(model.SerializeToString()))


def test_the_runtime_calls_nobody_and_leaves_nothing_in_the_home_folder(tmp_path):
    code = "import towpath.engine.graph, onnxruntime; print(onnxruntime.get_device())"
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)

    assert done.stdout == "CPU\n"
    assert done.stderr == ""
    assert list(tmp_path.rglob("*")) == []
