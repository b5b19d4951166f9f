"""The engine answers golden rows as recorded, or says which it does not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from towpath.bundle.read import Bundle, read_bundle
from towpath.core.errors import VerificationRefused
from towpath.core.plan import Encode, Finish, Plan
from towpath.engine.answers import Said
from towpath.engine.engine import open_engine


@pytest.fixture(params=["iris", "bankchurn", "sentiment"])
def bundle(request: pytest.FixtureRequest, bundles: dict[str, Path]) -> Bundle:
    return read_bundle(bundles[request.param])


def test_every_golden_row_is_answered_as_recorded(bundle: Bundle):
    engine, golden = open_engine(bundle), bundle.golden()
    engine.check(golden)

    assert len(golden) >= 64


def test_a_row_that_comes_out_otherwise_is_named_with_both_scores(bundle: Bundle):
    golden = bundle.golden()
    golden[3] = structs.replace(golden[3], scores=tuple(score + 1e-6 for score in golden[3].scores))

    with pytest.raises(VerificationRefused, match=rf"1 of {len(golden)} golden rows .* row 3 gives"):
        open_engine(bundle).check(golden)


def test_the_last_bits_may_differ_between_machines(bundle: Bundle):
    golden = [
        structs.replace(row, scores=tuple(score * (1 + 1e-13) for score in row.scores)) for row in bundle.golden()
    ]

    open_engine(bundle).check(golden)
    assert golden != bundle.golden()


def test_scores_of_many_records_are_those_of_each_alone(bundle: Bundle):
    engine = open_engine(bundle)
    records = [engine.read(row.record) for row in bundle.golden()[:40]]

    assert np.abs(engine.scores(records) - np.concatenate([engine.scores([one]) for one in records])).max() <= 1e-15


def test_contributions_add_up_to_the_score(bundle: Bundle):
    engine = open_engine(bundle)
    records = [engine.read(row.record) for row in bundle.golden()]
    raw = np.array(
        [
            [base + sum(parts.values()) for base, parts in zip(one.base, one.parts, strict=True)]
            for one in engine.contributions(records)
        ]
    )

    assert np.abs(engine.finish(raw) - engine.scores(records)).max() <= 1e-12


def test_answers_have_the_declared_entries_in_their_order(bundle: Bundle):
    engine = open_engine(bundle)
    [answer] = engine.answers([engine.read(bundle.golden()[0].record)], Said("iris@1.0.0", "2026-11-21T10:57:22Z"))

    assert list(answer) == [entry.name for entry in bundle.contract.answer]


def test_a_plan_of_other_steps_is_refused_by_its_names(bundle: Bundle):
    with pytest.raises(VerificationRefused, match="has steps no engine runs: encode, finish"):
        open_engine(replace(bundle, plan=Plan((Encode(()), Finish("identity")))))


def test_a_plan_that_needs_a_file_which_is_not_there_is_refused_by_its_name(bundle: Bundle):
    files = {name: content for name, content in bundle.files.items() if name not in ("graph.onnx", "text.json")}

    with pytest.raises(VerificationRefused, match=r"plan\.json needs (graph\.onnx|text\.json), which is not there"):
        open_engine(replace(bundle, files=files))


def test_a_golden_row_that_breaks_the_contract_is_refused(bundle: Bundle):
    golden = [structs.replace(bundle.golden()[0], record={})]

    with pytest.raises(VerificationRefused, match="breaks the contract: Object missing required field"):
        open_engine(bundle).check(golden)
