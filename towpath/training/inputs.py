"""What a training depends on, said so that it can be compared: with the last training, and with a cached stage."""

import copy
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from msgspec import Struct

from towpath.core import formats
from towpath.data.pull import Pulled
from towpath.declare.data import DataSet
from towpath.declare.gates import Slices
from towpath.declare.service import Service, Threshold
from towpath.training import intervals
from towpath.training.describe import Unstable, describe, digest
from towpath.version import VERSION

Stage = Literal["prepare", "fit", "evaluate", "lay out"]
STAGES: tuple[Stage, ...] = ("prepare", "fit", "evaluate", "lay out")

PARTS: dict[str, Stage | None] = {
    "generator": "prepare",
    "sliced": "prepare",
    "intervals": "fit",
    "split": "prepare",
    "rules": "prepare",
    "threshold": "fit",
    "metrics": "evaluate",
    "gates": "evaluate",
    "fairness": "evaluate",
    "backtest": "evaluate",
    "segments": "evaluate",
    "answer": "lay out",
    "style": "lay out",
    "title": "lay out",
    "description": "lay out",
    "strict": "lay out",
    "data": None,  # the rows it gives are
    "tune": None,
    "builder": None,  # what it builds is described instead
    "record": None,  # its fields are
    "record_faults": None,
    "params": "lay out",  # they are in the estimator, and told with the data
}
"""The stage that a part of a declaration first matters to, None for none. Parts not listed matter to every stage."""

UNDESCRIBED: dict[str, Stage] = {"builder": "fit", "data": "prepare"}
"""The first stage that cannot be kept where this has no description; what follows from it cannot be kept either."""

LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "onnx", "skl2onnx", "onnxruntime", "msgspec")
BOOSTERS = {"xgboost": ("xgboost", "xgboost-cpu"), "lightgbm": ("lightgbm",)}


class Inputs(Struct, frozen=True, tag_field="format", tag=formats.INPUTS, omit_defaults=True):
    """What one training was made of. A part that has no lasting description is named in `unstable` with the reason.

    data: how it is read with its files' sha256, or what the generator is made of. declared: each part of the
    declaration, described. estimator: the unfitted estimator, described. params: its parameters by scikit-learn's
    names, as people read them.
    """

    seed: int
    data: dict[str, Any]
    declared: dict[str, Any]
    estimator: Any
    params: dict[str, Any]
    libraries: dict[str, str]
    unstable: dict[str, str] = {}

    def key(self, stage: Stage, *before: str) -> str:
        """The digest of exactly what a stage depends on; `before` are the digests of what it takes from others."""
        parts = {name: part for name, part in self.declared.items() if PARTS.get(name, stage) == stage}
        own: list[Any] = [stage, self.libraries, parts, list(before)]
        if stage == "prepare":
            own += [self.data]
        if stage in ("fit", "evaluate"):
            own += [self.estimator, self.seed, self.declared.get("threshold")]
        if stage == "lay out":  # the lineage tells how rows were split, also where another split gives the same rows
            own += [self.declared.get("split")]
        return digest(own)

    def why_not(self, stage: Stage) -> str:
        """Why a stage itself cannot be kept; "" where it can."""
        return next((reason for name, reason in self.unstable.items() if first_stage(name) == stage), "")


def first_stage(part: str) -> Stage:
    """The first stage that a part matters to."""
    return UNDESCRIBED.get(part) or PARTS.get(part) or "prepare"


def read_inputs(service: Service, files: Sequence[Pulled], *, seed: int) -> Inputs:
    """The inputs of training this service on these files."""
    estimator = service.estimator()
    unstable: dict[str, str] = {}

    def told(name: str, value: Any) -> Any:
        try:
            return describe(value, name)
        except Unstable as error:
            unstable[name] = str(error)
            return None

    return Inputs(
        seed=seed,
        data=data_inputs(service.data, files, seed, told),
        declared={name: told(name, value) for name, value in parts_of(service).items()},
        estimator=told("builder", estimator),
        params=readable_params(estimator),
        libraries=libraries(estimator),
        unstable=unstable,
    )


def parts_of(service: Service) -> dict[str, Any]:
    """Each part of a declaration by its name, and what one stage needs of a part that belongs to another."""
    parts = {name: value for name, value in vars(service).items() if PARTS.get(name, "") is not None}
    if isinstance(service.threshold, Threshold):  # its metric may say what each decision is worth
        named = [metric for metric in service.metrics if metric.name == service.threshold.metric]
        parts["threshold"] = [service.threshold, named]
    parts["intervals"] = intervals.levels(service)  # calibrated where the model is fitted
    parts["sliced"] = sorted(gate.field for gate in service.gates if isinstance(gate, Slices))  # looked for in the data
    return parts


def data_inputs(data: DataSet, files: Sequence[Pulled], seed: int, told: Any) -> dict[str, Any]:
    """The files by name where all are there; what the generated rows are made of otherwise."""
    if any(file.state == "missing" for file in files):
        return {
            "generator": told("generator", data.generator),
            "rows": data.generated_rows,
            "keep": told("keep", data.keep),
            "seed": seed,
        }
    how = {name: getattr(data, name) for name in data.__struct_fields__ if not name.startswith("generat")}
    return {"read": told("data", how), "files": {file.name: file.sha256 for file in files}}


def readable_params(estimator: Any) -> dict[str, Any]:
    """Every parameter that is a plain value, by the name that set_params takes."""
    plain = None.__class__ | bool | int | float | str
    found = {}
    for name, value in sorted(estimator.get_params(deep=True).items()):
        value = value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value
        if isinstance(value, plain):
            found[name] = value if value == value and value not in (float("inf"), -float("inf")) else repr(value)
    return found


def libraries(estimator: Any) -> dict[str, str]:
    """The versions of what computes: libraries, Python and Towpath itself."""
    found = {name: installed(name) for name in LIBRARIES}
    for module, names in BOOSTERS.items():
        if module in sys.modules and module in modules_of(estimator):
            found[module] = next((one for one in map(installed, names) if one), "")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"python": python, "towpath": VERSION} | {name: one for name, one in found.items() if one}


def modules_of(estimator: Any) -> set[str]:
    """The packages that an estimator and its parts come from."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return {type(part).__module__.partition(".")[0] for part in parts}


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def with_params(service: Service, params: Mapping[str, Any]) -> Service:
    """The same service whose estimator has these parameters set. Raises Faulty naming each that it does not have."""
    other = copy.copy(service)
    other.params = dict(params)
    other.estimator()
    return other


def read_inputs_file(content: bytes, where: str) -> Inputs:
    return formats.read_record(content, Inputs, formats.INPUTS, where)
