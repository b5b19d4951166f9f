"""What a stage gives comes back as it was: kinds of columns, missing values, order and all."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from towpath.core.golden import GoldenRow
from towpath.training.describe import Unstable
from towpath.training.parts import from_parts, to_parts


@dataclass(frozen=True)
class Inner:
    frame: pd.DataFrame
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Given:
    inner: Inner
    array: np.ndarray
    files: dict[str, bytes]
    rows: tuple[GoldenRow, ...]
    content: bytes
    shares: dict[str, float] = field(default_factory=dict)


def given(**other: Any) -> Given:
    frame = pd.DataFrame({"a": [1.5, np.nan], "b": pd.Series(["x", np.nan], dtype=object), "c": [True, False]})
    row = GoldenRow("edge", {"a": None, "v": [1.0, 2.0], "s": "é"}, (0.25, float("nan")), 1e-9)
    known = {"inner": Inner(frame, ("n",)), "array": np.array([[1.0, -0.0]]), "files": {"graph.onnx": b"\x00\x01"},
             "rows": (row,), "content": b"", "shares": {"z": 0.1, "a": 0.2}}  # fmt: skip
    return Given(**{**known, **other})


def back(value: Given) -> Given:
    return from_parts(Given, to_parts(value))


def test_records_files_and_arrays_come_back_as_they_were():
    found = back(given())

    assert (found.files, found.content, found.inner.names) == ({"graph.onnx": b"\x00\x01"}, b"", ("n",))
    assert found.rows[0].record == {"a": None, "v": [1.0, 2.0], "s": "é"}
    assert np.isnan(found.rows[0].scores[1])
    assert found.array.tobytes() == given().array.tobytes()


def test_a_dict_keeps_its_order():
    assert list(back(given()).shares) == ["z", "a"]


def test_no_files_are_no_files():
    assert back(given(files={})).files == {}


FRAMES = {
    "numbers": pd.DataFrame({"a": [1.0, np.nan, -0.0]}),
    "strings": pd.DataFrame({"a": pd.Series(["NA", "", np.nan], dtype=object)}),
    "whole numbers as choices": pd.DataFrame({"a": pd.Series([3, 4, 5], dtype=object)}),
    "choices with missing": pd.DataFrame({"a": pd.Series([3.0, np.nan, 4.0], dtype=object)}),
    "truths": pd.DataFrame({"a": [True, False]}),
    "strings of pandas' own": pd.DataFrame({"a": ["x", None]}),
    "another index": pd.DataFrame({"a": [1.0, 2.0, 3.0]}).iloc[[2, 0]],
    "nothing": pd.DataFrame({"a": np.empty(0)}),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_a_frame_comes_back_with_its_kinds(frame: pd.DataFrame):
    found = back(given(inner=Inner(frame))).inner.frame

    pd.testing.assert_frame_equal(found, frame)
    assert [type(value) for value in found["a"]] == [type(value) for value in frame["a"]]


def test_a_frame_without_columns_keeps_its_rows():
    assert len(back(given(inner=Inner(pd.DataFrame({"a": [1, 2, 3]})[[]]))).inner.frame) == 3


def test_the_same_gives_the_same_bytes():
    assert to_parts(given()) == to_parts(given())


def test_a_column_that_mixes_kinds_is_told():
    frame = pd.DataFrame({"a": pd.Series(["x", 3], dtype=object)})

    with pytest.raises(Unstable, match=r"a column cannot be kept: .*column a"):
        to_parts(given(inner=Inner(frame)))


def test_an_array_of_objects_is_refused_since_only_pickle_could_keep_it():
    with pytest.raises(Unstable, match="Python objects"):
        to_parts(given(array=np.array([object()])))


def test_a_part_of_another_kind_is_not_taken():
    parts = to_parts(given())
    parts["shares.msgpack"] = msgspec.msgpack.encode("not shares")

    with pytest.raises(msgspec.ValidationError):
        from_parts(Given, parts)
