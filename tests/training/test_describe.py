"""Equal things are described by equal bytes, different ones by different bytes; what cannot be described says so."""

import functools
import importlib
import subprocess
import sys
import sysconfig
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
from towpath.training import describe as describing
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


def test_a_default_that_only_goes_by_name_counts():
    def times(factor: float) -> Any:
        return lambda values, *, by=factor: values * by

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


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a small library where packages are installed; with a version where it is a distribution."""
    site = tmp_path / "site-packages"
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(site))
    monkeypatch.syspath_prepend(site)

    def put(version: str = "", body: str = "def same(x):\n    return x\n") -> Any:
        (site / "acme_steps").mkdir(parents=True, exist_ok=True)
        (site / "acme_steps" / "__init__.py").write_text(body)
        if version:
            (site / "acme_steps-1.dist-info").mkdir(exist_ok=True)
            (site / "acme_steps-1.dist-info" / "METADATA").write_text(f"Name: acme-steps\nVersion: {version}\n")
            (site / "acme_steps-1.dist-info" / "top_level.txt").write_text("acme_steps\n")
        monkeypatch.delitem(sys.modules, "acme_steps", raising=False)
        importlib.invalidate_caches()
        describing._distributions.cache_clear()
        return importlib.import_module("acme_steps")

    yield put
    sys.modules.pop("acme_steps", None)
    describing._distributions.cache_clear()


def test_a_function_of_another_library_carries_its_version(installed: Any):
    before = describe(FunctionTransformer(installed("1.0").same))

    assert describe(FunctionTransformer(installed("1.0", "import os\n\n\ndef same(x): ...\n").same)) == before
    assert before["with"]["func"] == {"function": "acme_steps.same", "version": "1.0"}
    assert describe(FunctionTransformer(installed("1.1").same)) != before


def test_a_function_of_ones_own_carries_the_version_of_what_it_imports(
    installed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own_for_versions.py").write_text("import acme_steps\n\n\ndef f(x): ...\n")
    monkeypatch.syspath_prepend(tmp_path / "own")
    installed("1.0")
    own = importlib.import_module("own_for_versions").f
    before = describe(own)
    installed("1.1")

    assert describe(own) != before


def test_an_installed_module_without_a_distribution_goes_by_its_file(installed: Any):
    before = describe(installed().same)

    assert describe(installed().same) == before
    assert describe(installed(body="def same(x): ...\n").same) != before


def test_what_every_training_names_anyway_has_no_version_twice():
    assert describe(LogisticRegression) == {"class": "sklearn.linear_model._logistic.LogisticRegression"}
    assert describe(np.mean) == {"function": "numpy.mean"}
    assert describe(functools.reduce).keys() == {"function"}
