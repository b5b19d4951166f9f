"""A bundle becomes a model only where its golden rows prove it."""

import re

import pytest

from towpath.bundle.read import read_bundle
from towpath.bundle.write import write_bundle
from towpath.core.errors import VerificationRefused
from towpath.serving.model import open_model


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda golden: b"", "golden"),
        (lambda golden: golden.replace(b"[", b"[NaN,", 1), "golden"),
        (lambda golden: golden.replace(b'"record":{', b'"record":{"zzz":1},"gone":{', 1), "golden"),
        (lambda golden: re.sub(rb'"record":{.*?},"s', b'"record":{},"s', golden, count=1), "golden"),
        (
            lambda golden: re.sub(rb'"record":{.*?},"s', b'"record":{"features":["NaN",1,1,1]},"s', golden, count=1),
            "golden",
        ),
        (lambda golden: re.sub(rb'"scores":\[', b'"scores":[1e999,', golden, count=1), "golden"),
    ],
    ids=["empty", "NaN", "unknown", "no field", "NaN in a record", "infinite"],
)
def test_a_bundle_whose_golden_rows_prove_nothing_is_refused(bundles, tmp_path, change, says):
    files = read_bundle(bundles["iris"]).files
    changed = change(files["golden.jsonl"])
    assert changed != files["golden.jsonl"]
    _, place = write_bundle("iris", files | {"golden.jsonl": changed}, tmp_path)

    with pytest.raises(VerificationRefused, match=says):
        open_model(place, lambda turn: turn)
