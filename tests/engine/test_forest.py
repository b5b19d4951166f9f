"""Our walker gives the very bits that onnxruntime gives, and leaves to it what it does not know."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from towpath.core.errors import VerificationRefused
from towpath.engine import forest, graph
from towpath.engine.graph import GraphModel

OPSET = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
COLUMNS = 4
VALUES = (-1.0, 0.0, 0.5, 1.0, 2.0)  # few, so that rows come to lie on splits
compiled = pytest.mark.skipif(forest._forest is None, reason="no C compiler was there: apt-get install gcc, make setup")


def ensemble(rng: np.random.Generator, trees: int, depth: int, targets: int = 1, equals: bool = True) -> dict:
    """The attributes of a TreeEnsemble of random trees; leaves are shared by some branches."""
    nodes: dict[str, list] = {name: [] for name in ("feature", "split", "mode", "missing")}
    branches: dict[str, list] = {name: [] for name in ("true", "false", "true_leaf", "false_leaf")}
    leaves: list[tuple[int, float]] = [(int(rng.integers(targets)), float(rng.normal())) for _ in range(3 * trees)]

    def grow(left: int) -> tuple[int, int]:
        """(position, whether it is a leaf)"""
        if left == 0 or (left < depth and rng.random() < 0.3):
            return int(rng.integers(len(leaves))), 1
        here = len(nodes["feature"])
        for name, value in (
            ("feature", int(rng.integers(COLUMNS))),
            ("split", float(rng.choice(VALUES))),
            ("mode", 4 if equals and rng.random() < 0.3 else 0),
            ("missing", int(rng.integers(2))),
        ):
            nodes[name].append(value)
        for name in branches:
            branches[name].append(0)
        for side in ("true", "false"):
            branches[side][here], branches[f"{side}_leaf"][here] = grow(left - 1)
        return here, 0

    roots = [grow(depth)[0] for _ in range(trees)]
    return {
        "aggregate_function": 1,
        "post_transform": 0,
        "n_targets": targets,
        "nodes_featureids": nodes["feature"],
        "nodes_splits": numpy_helper.from_array(np.array(nodes["split"])),
        "nodes_modes": numpy_helper.from_array(np.array(nodes["mode"], dtype=np.uint8)),
        "nodes_missing_value_tracks_true": nodes["missing"],
        "nodes_truenodeids": branches["true"],
        "nodes_falsenodeids": branches["false"],
        "nodes_trueleafs": branches["true_leaf"],
        "nodes_falseleafs": branches["false_leaf"],
        "leaf_targetids": [target for target, _ in leaves],
        "leaf_weights": numpy_helper.from_array(np.array([weight for _, weight in leaves])),
        "tree_roots": roots,
    }


def trees(source: str, result: str, **attributes) -> onnx.NodeProto:
    return helper.make_node("TreeEnsemble", [source], [result], domain="ai.onnx.ml", **attributes)


def model(*nodes: onnx.NodeProto, constants: dict[str, np.ndarray] | None = None) -> bytes:
    doubles = TensorProto.DOUBLE
    given = helper.make_tensor_value_info("X", doubles, ["N", COLUMNS])
    made = helper.make_tensor_value_info("raw", doubles, ["N", None])
    kept = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    proto = helper.make_graph(list(nodes), "g", [given], [made], kept)
    return helper.make_model(proto, opset_imports=OPSET, ir_version=10).SerializeToString()


def rows_of(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.choice([*VALUES, np.nan, 0.25, -7.5, 1e300], (count, COLUMNS))


def same_bits(content: bytes, rows: np.ndarray) -> None:
    """By both ways, and that ours was one of them."""
    ours, theirs = GraphModel(content).raw, graph._whole(content, "raw")
    assert forest.take_apart(content, "raw") is not None
    assert ours(rows).tobytes() == theirs(rows).tobytes()


@compiled
@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(1, 9), st.sampled_from([1, 3]), st.booleans())
def test_random_forests_give_the_same_bits(seed, count, depth, targets, equals):
    rng = np.random.default_rng(seed)
    content = model(trees("X", "raw", **ensemble(rng, count, depth, targets, equals)))

    same_bits(content, rows_of(rng, int(rng.choice([1, 2, 7, 8, 9, 63, 64, 65, 130]))))


@compiled
@pytest.mark.parametrize("count", [1, 8, 200])
def test_what_stands_before_and_after_the_trees_is_left_to_onnxruntime(count):
    rng = np.random.default_rng(count)
    content = model(
        helper.make_node("Mul", ["X", "half"], ["scaled"]),
        trees("scaled", "one", **ensemble(rng, 5, 4)),
        trees("X", "other", **ensemble(rng, 7, 3)),
        helper.make_node("ReduceSum", ["scaled", "axis"], ["line"]),
        helper.make_node("Sum", ["one", "other", "line"], ["raw"]),
        constants={"half": np.array([0.5]), "axis": np.array([1])},
    )

    same_bits(content, rows_of(rng, count))


@compiled
def test_contributions_come_through_trees_too():
    rng = np.random.default_rng(5)
    content = model(
        trees("X", "leaves", **ensemble(rng, 6, 4, targets=6)),
        helper.make_node("Unsqueeze", ["leaves", "axis"], ["contributions"]),
        constants={"axis": np.array([1])},
    )
    proto = onnx.load_from_string(content)
    proto.graph.output[0].name = "contributions"
    explain, rows = proto.SerializeToString(), rows_of(rng, 20)

    both = GraphModel(model(trees("X", "raw", **ensemble(rng, 1, 1))), explain)
    assert both.contributions(rows).tobytes() == graph._whole(explain, "contributions")(rows).tobytes()


@compiled
@pytest.mark.parametrize(
    "change",
    [
        {"aggregate_function": 0},
        {"post_transform": 3},
        {"nodes_modes": numpy_helper.from_array(np.array([1], dtype=np.uint8))},
        {"nodes_splits": numpy_helper.from_array(np.array([0.5], dtype=np.float32))},
        {"membership_values": numpy_helper.from_array(np.array([1.0, np.nan]))},
    ],
)
def test_trees_of_another_kind_are_left_to_onnxruntime(change):
    one = ensemble(np.random.default_rng(1), 1, 1, equals=False) | change

    assert forest.take_apart(model(trees("X", "raw", **one)), "raw") is None


@compiled
def test_trees_that_read_other_trees_are_left_to_onnxruntime():
    rng = np.random.default_rng(3)
    first, second = ensemble(rng, 3, 2, targets=COLUMNS), ensemble(rng, 3, 2)
    content = model(trees("X", "first", **first), trees("first", "raw", **second))

    assert forest.take_apart(content, "raw") is None
    assert GraphModel(content).raw(rows_of(rng, 9)).shape == (9, 1)


def test_without_a_compiler_onnxruntime_runs_all_of_it(monkeypatch):
    rng = np.random.default_rng(7)
    content, rows = model(trees("X", "raw", **ensemble(rng, 5, 4))), rows_of(rng, 30)
    monkeypatch.setattr(forest, "_forest", None)

    assert forest.take_apart(content, "raw") is None
    assert GraphModel(content).raw(rows).tobytes() == graph._whole(content, "raw")(rows).tobytes()


@compiled
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"nodes_truenodeids": [0]}, "share nodes"),
        ({"nodes_truenodeids": [5]}, "a node leads nowhere"),
        ({"nodes_truenodeids": [-1]}, "a node leads nowhere"),
        ({"tree_roots": [9]}, "a node leads nowhere"),
        ({"nodes_featureids": [COLUMNS]}, "a column that is not there"),
        ({"nodes_featureids": [-1]}, "a column that is not there"),
        ({"leaf_targetids": [7, 7, 7]}, "a leaf has no target"),
        ({"leaf_targetids": [0]}, "leaves are not told alike"),
        ({"nodes_falseleafs": [1, 1]}, "nodes are not told alike"),
        ({"nodes_missing_value_tracks_true": [1, 1]}, "nodes are not told alike"),
    ],
)
def test_trees_that_are_none_are_refused_before_a_row_is_walked(change, told):
    stump = {"nodes_truenodeids": [0], "nodes_trueleafs": [1], "nodes_falsenodeids": [1], "nodes_falseleafs": [1]}
    good = ensemble(np.random.default_rng(1), 1, 1, equals=False) | stump
    assert GraphModel(model(trees("X", "raw", **good))).raw(np.zeros((1, COLUMNS))).shape == (1, 1)
    bad = good | ({"nodes_trueleafs": [0]} if "nodes_truenodeids" in change else {}) | change
    [taken] = forest.take_apart(model(trees("X", "raw", **bad)), "raw").trees

    with pytest.raises(ValueError, match=told):
        taken.built(COLUMNS)


@compiled
def test_nodes_that_two_trees_share_are_refused_where_there_would_be_no_end():
    """Each node of a diamond is the child of two: 60 levels of it would be 2^60 walks."""
    count = 60
    one = ensemble(np.random.default_rng(1), 1, 1, equals=False)
    deeper = [*range(1, count), 0]
    last = [0] * (count - 1) + [1]
    many = {
        "nodes_featureids": [0] * count,
        "nodes_splits": numpy_helper.from_array(np.zeros(count)),
        "nodes_modes": numpy_helper.from_array(np.zeros(count, dtype=np.uint8)),
        "nodes_missing_value_tracks_true": [0] * count,
        "nodes_truenodeids": deeper,
        "nodes_falsenodeids": deeper,
        "nodes_trueleafs": last,
        "nodes_falseleafs": last,
        "tree_roots": [0],
    }
    [taken] = forest.take_apart(model(trees("X", "raw", **one | many)), "raw").trees

    with pytest.raises(ValueError, match="share nodes"):
        taken.built(COLUMNS)


@compiled
def test_a_number_that_breaks_off_is_refused():
    with pytest.raises(ValueError, match="breaks off"):
        forest._forest.integers(b"\x40\x01\x40\xff")


@compiled
def test_negative_and_large_numbers_are_read_as_protobuf_writes_them():
    written = helper.make_attribute("a", [-1, 0, 127, 128, 2**40]).SerializeToString()

    assert forest.Attributes([memoryview(written)]).integers("a").tolist() == [-1, 0, 127, 128, 2**40]


@compiled
def test_rows_of_another_width_are_refused():
    content = model(trees("X", "raw", **ensemble(np.random.default_rng(1), 2, 2)))
    run = GraphModel(content).raw
    run(np.zeros((1, COLUMNS)))

    with pytest.raises(ValueError, match="the trees take 4 columns, not 3"):
        run(np.zeros((1, 3)))


@compiled
def test_a_graph_whose_trees_cannot_be_read_is_refused_in_words():
    content = model(trees("X", "raw", **ensemble(np.random.default_rng(1), 2, 2)))
    broken = content.replace(b"tree_roots", b"tree_boots")

    with pytest.raises(VerificationRefused, match=r"graph\.onnx does not load: it has no trees"):
        GraphModel(broken)
