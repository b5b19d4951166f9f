"""The numbers of the README are those of the packed bundles."""

import re

import pytest

from tests.docs.pages import ROOT
from towpath.bundle.read import read_bundle

ROW = re.compile(
    r"^\| ([\w-]+) \| ([\d,]+) \| ([\w ]+) \| ([\d.]+) \| ([\d.]+) \[([\d.]+), ([\d.]+)\] \|$", re.MULTILINE
)
DIGITS = 0.0005001  # three digits are shown; the last bits may differ between processors
KINDS = {"AUC": "auc", "F1 of churn": "f1", "accuracy": "accuracy", "R²": "r2", "F1 of Ultra": "f1"}


@pytest.mark.data
def test_the_readme_quotes_what_was_measured_on_the_real_data(bundles, real_data):
    rows = ROW.findall((ROOT / "README.md").read_text(encoding="utf-8"))

    assert {row[0] for row in rows} == set(bundles)
    for service, count, kind, _, *quoted in rows:
        bundle = read_bundle(bundles[service])
        metric = bundle.evaluation().metric(KINDS[kind])
        assert metric is not None
        assert bundle.data().origin == "real"
        assert metric.rows == int(count.replace(",", ""))
        assert [metric.value, metric.low, metric.high] == pytest.approx([float(one) for one in quoted], abs=DIGITS)
