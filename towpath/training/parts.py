"""What a stage gives, as named bytes and back: arrays, frames, files and plain records. Never an object of Python's."""

import dataclasses
import io
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

import msgspec
import numpy as np
import pandas as pd

from towpath.training.describe import Unstable

T = TypeVar("T")

Parts = dict[str, bytes]
KINDS = b"towpath.kinds"


def to_parts(value: Any) -> Parts:
    """The fields of a dataclass by name. Raises Unstable for a frame whose columns mix what Arrow keeps apart."""
    parts: Parts = {}
    for field in dataclasses.fields(value):
        for name, content in _written(getattr(value, field.name)):
            parts[field.name + name] = content
    return parts


def from_parts(kind: type[T], parts: Mapping[str, bytes]) -> T:
    """The dataclass again. Raises KeyError, ValueError or msgspec's errors where a part is not what was written."""
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]  # T is a dataclass, which no type can say
    return kind(**{field.name: _read(field.name, hints[field.name], parts) for field in fields})


def _written(value: Any) -> list[tuple[str, bytes]]:
    if isinstance(value, np.ndarray):
        return [(".npy", _array_bytes(value))]
    if isinstance(value, pd.DataFrame):
        return [(".arrow", _frame_bytes(value))]
    if isinstance(value, bytes):
        return [(".bin", value)]
    if _is_files(value):
        return [(f"/{name}", content) for name, content in value.items()]
    if dataclasses.is_dataclass(value):
        return [(f".{name}", content) for name, content in to_parts(value).items()]
    return [(".msgpack", msgspec.msgpack.encode(value))]


def _read(name: str, kind: Any, parts: Mapping[str, bytes]) -> Any:
    if kind is np.ndarray:
        return np.load(io.BytesIO(parts[f"{name}.npy"]), allow_pickle=False)
    if kind is pd.DataFrame:
        return _frame(parts[f"{name}.arrow"])
    if kind is bytes:
        return parts[f"{name}.bin"]
    if kind == dict[str, bytes]:
        return {path.removeprefix(f"{name}/"): one for path, one in parts.items() if path.startswith(f"{name}/")}
    if dataclasses.is_dataclass(kind):
        inner = {path.removeprefix(f"{name}."): one for path, one in parts.items() if path.startswith(f"{name}.")}
        return from_parts(kind, inner)  # type: ignore[arg-type]  # a dataclass type, just asked
    return msgspec.msgpack.decode(parts[f"{name}.msgpack"], type=kind)


def _is_files(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(one, bytes) for one in value.values())


def _array_bytes(array: np.ndarray) -> bytes:
    if array.dtype == object:
        raise Unstable("an array of Python objects cannot be kept")
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def _frame_bytes(frame: pd.DataFrame) -> bytes:
    """Arrow's file format. Columns of Python objects are named, so that they come back as such, missing as NaN."""
    import pyarrow as pa

    try:
        table = pa.Table.from_pandas(frame)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise Unstable(f"a column cannot be kept: {', '.join(map(str, error.args))}") from error
    kinds = {str(name): str(kind) for name, kind in frame.dtypes.items()}
    head = {**(table.schema.metadata or {}), KINDS: msgspec.json.encode({"rows": len(frame), "kinds": kinds})}
    out = io.BytesIO()
    with pa.ipc.new_file(out, table.schema.with_metadata(head)) as writer:
        writer.write_table(table.replace_schema_metadata(head))
    return out.getvalue()


def _frame(content: bytes) -> pd.DataFrame:
    import pyarrow as pa

    table = pa.ipc.open_file(content).read_all()
    said = msgspec.json.decode(table.schema.metadata[KINDS])
    frame: pd.DataFrame = table.to_pandas()
    if not len(frame.columns):
        return pd.DataFrame(index=range(said["rows"]))
    for name, kind in said["kinds"].items():
        if kind == "object":
            values = frame[name].astype(object)
            frame[name] = values.where(values.notna(), np.nan)
    return frame
