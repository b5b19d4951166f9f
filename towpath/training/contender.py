"""A candidate or a bundle as one side of a comparison: it answers rows of a frame with its own contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from towpath.bundle.read import Bundle
from towpath.core import formats, manifest
from towpath.core.contract import Contract, Field
from towpath.core.errors import UsageError, VerificationRefused
from towpath.core.evaluation import Evaluation
from towpath.core.formats import read_record
from towpath.core.lineage import DataLineage
from towpath.core.plan import Plan
from towpath.core.settings import Settings
from towpath.data.plain import plain, sendable
from towpath.engine.engine import Engine, build_engine
from towpath.training.candidate import Candidate, read_files


@dataclass(frozen=True)
class Contender:
    """One model by the name people call it, and all that a comparison asks of it.

    seed: of its training, where it is known; generated rows are made from it.
    """

    name: str
    bundle: str
    engine: Engine
    evaluation: Evaluation
    lineage: DataLineage
    seed: int | None = None

    @property
    def contract(self) -> Contract:
        return self.engine.contract

    def scores(self, frame: pd.DataFrame) -> np.ndarray:
        """float64 (rows, outputs). Raises UsageError naming the fields that the rows do not have."""
        asked = [field for field in self.contract.features if field.required or set(field.columns) <= set(frame)]
        if absent := [name for field in asked for name in field.columns if name not in frame]:
            raise UsageError(
                f"{self.name} asks for {', '.join(absent)}, which the rows do not have",
                hint="models of different records can only be compared on rows that have the fields of both",
            )
        records = [self.engine.read(_record(asked, row)) for row in plain(frame).to_dict("records")]
        return self.engine.scores(records)


def contender_of_candidate(candidate: Candidate, path: Path) -> Contender:
    """Raises VerificationRefused where a file of the candidate was changed after it was trained."""
    files = read_files(path)
    if manifest.bundle_id(manifest.list_files(candidate.service, files)) != candidate.bundle:
        raise VerificationRefused(
            f"{path} was changed after {candidate.name} was trained", hint=f"towpath train {candidate.service}"
        )
    contract = read_record(files[manifest.CONTRACT], Contract, formats.CONTRACT, manifest.CONTRACT)
    plan = read_record(files[manifest.PLAN], Plan, formats.PLAN, manifest.PLAN)
    settings = read_record(files[manifest.SETTINGS], Settings, formats.SETTINGS, manifest.SETTINGS)
    evaluation = read_record(files[manifest.EVALUATION], Evaluation, formats.EVALUATION, manifest.EVALUATION)
    lineage = read_record(files[manifest.DATA], DataLineage, formats.DATA, manifest.DATA)
    engine = build_engine(contract, plan, settings, files)
    return Contender(candidate.name, candidate.bundle, engine, evaluation, lineage, candidate.seed)


def contender_of_bundle(bundle: Bundle, engine: Engine, seed: int | None = None) -> Contender:
    return Contender(bundle.name, bundle.id, engine, bundle.evaluation(), bundle.data(), seed)


def _record(fields: list[Field], row: Mapping[Any, Any]) -> dict[str, Any]:
    return {field.name: _value(field, row) for field in fields}


def _value(field: Field, row: Mapping[Any, Any]) -> Any:
    """As a client would send it; who has a default for the field may have learnt from rows that miss it."""
    value = sendable(field, row)
    if value is None and not field.nullable and not field.required:
        return msgspec.to_builtins(field.default)
    return value
