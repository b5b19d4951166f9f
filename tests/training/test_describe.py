"""Equal things are described by equal bytes, different ones by different bytes; what cannot be described says so."""

import functools
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from towpath.declare import Meta, at_least, auc
from towpath.training.describe import Unstable, describe, digest, files_digest, own_source


def of(value: Any) -> str:
    return digest(describe(value))


def forest(**given: Any) -> Any:
    return make_pipeline(ColumnTransformer([("n", StandardScaler(), ["a"])]), RandomForestClassifier(**given))


def test_two_estimators_made_alike_are_one():
    assert of(forest(max_depth=3)) == of(forest(max_depth=3))


@pytest.mark.parametrize("given", [{"max_depth": 4}, {"max_depth": 3.0}, {"max_features": "log2", "max_depth": 3}])
def test_one_parameter_makes_another(given: dict[str, Any]):
    assert of(forest(**given)) != of(forest(max_depth=3))


def test_the_order_of_a_mapping_counts_as_the_order_of_an_answer_does():
    assert of({"a": 1, "b": 2}) != of({"b": 2, "a": 1})


def test_a_set_has_no_order():
    assert of({"x", "y", "z"}) == of({"z", "x", "y"})


@pytest.mark.parametrize(
    "value",
    [
        np.log1p, np.arange(3.0), np.array([["a", 1]], dtype=object), np.float64(2.5), float("nan"), float("inf"), b"x",
        functools.partial(np.clip, a_min=0), KFold(3, shuffle=True, random_state=1), Meta(ge=3), auc(),
        at_least("auc", 0.8), {"x": (1, None, True)}, msgspec.UNSET, msgspec.NODEFAULT, LogisticRegression,
        FunctionTransformer(np.log1p), frozenset({1}), int, str.lower,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_declarations_hold_can_be_described(value: Any):
    assert of(value) == of(value)


def test_arrays_differ_by_content_kind_and_shape():
    arrays = [np.arange(4), np.arange(4.0), np.arange(4).reshape(2, 2), np.arange(1, 5)]

    assert len({of(array) for array in arrays}) == 4


def test_a_closure_is_what_it_holds():
    def times(factor: float) -> Any:
        return lambda values: values * factor

    assert of(times(2.0)) == of(times(2.0))
    assert of(times(2.0)) != of(times(3.0))


def test_what_an_estimator_learnt_before_counts():
    model = LogisticRegression()
    before = of(model)
    model.fit([[0.0], [1.0]], [0, 1])

    assert of(model) != before


@pytest.mark.parametrize(
    "value", [np.random.RandomState(1), object(), np.random.default_rng(1)], ids=lambda value: type(value).__name__
)
def test_what_says_nothing_of_itself_is_refused_with_its_path(value: Any):
    with pytest.raises(Unstable, match=r"model\.random_state is a .*, which says nothing of itself"):
        describe(RandomForestClassifier(random_state=value), "model")


def test_what_holds_itself_is_refused():
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(Unstable, match="nested"):
        describe(endless)


def test_the_file_of_a_function_of_ones_own_counts_and_a_librarys_does_not():
    assert len(own_source(__name__)) == 64
    assert describe(files_digest)["function"] == "towpath.training.describe.files_digest"
    assert "source" in describe(forest) and "source" not in describe(np.mean)


def test_it_is_the_same_in_another_process():
    code = (
        "from sklearn.linear_model import LogisticRegression\n"
        "from towpath.training.describe import describe, digest\n"
        "print(digest(describe([LogisticRegression(C=0.3), {'a', 'b', 'c', 'd'}])))"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert there == of([LogisticRegression(C=0.3), {"a", "b", "c", "d"}])


def test_the_digest_of_files_is_of_names_and_bytes(tmp_path: Path):
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("not code")
    before = files_digest(tmp_path)
    (tmp_path / "notes.txt").write_text("still not")

    assert files_digest(tmp_path) == before
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert files_digest(tmp_path) != before


def test_a_library_of_ones_own_counts_with_what_it_imports_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home = tmp_path / "lib" / "ours_for_stages"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text("")
    (home / "steps.py").write_text("from .numbers import C\n\n\ndef same(x):\n    return x * C\n")
    (home / "numbers.py").write_text("C = 1.0\n")
    monkeypatch.syspath_prepend(home.parent)
    steps = importlib.import_module("ours_for_stages.steps")
    before = describe(steps.same)

    (home / "numbers.py").write_text("C = 2.0\n")

    assert describe(steps.same) != before
