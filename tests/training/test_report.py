"""The report is one page that needs nothing else, says what was measured, and breaks on no name or text."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.training import small
from towpath.core.contract import Task
from towpath.training.candidate import read_evaluation
from towpath.training.metrics import predicted
from towpath.training.report.chart import Chart, plain, thinned, ticks
from towpath.training.report.pictures import precision_recall, roc_points
from towpath.training.run import Run

EMPTY = {"meta", "line", "rect", "circle", "polyline", "polygon", "br", "link"}


class Page(HTMLParser):
    """Whether tags are closed in order, which there are, and every attribute that could reach for the network."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.reaches: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        given = dict(attrs)
        self.reaches += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href", "action", "data")]
        if given.get("role") == "img":
            self.images.append(given)
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A candidate with everything that a report can tell of."""
    project = small.make_project(tmp_path_factory.mktemp("bank"))
    small.edit(project, "gates=[", 'fairness=["purpose"], backtest=by("months"),\n    gates=[at_least("f1", 0.99), ')
    small.edit(project, 'name="loans",', 'name="loans", title="Loans <b>& more</b>",')
    return small.trained(project)


@pytest.fixture(scope="module")
def page(run: Run) -> str:
    return (run.path / "report.html").read_text(encoding="utf-8")


def test_it_is_whole_small_and_reaches_for_nothing(page: str):
    found = Page(page)

    assert found.open == []
    assert found.reaches == []
    assert "script" not in found.tags
    assert not re.search(r"https?:|url\(|@import", page)
    assert len(page.encode()) < 300_000


def test_it_says_every_metric_gate_and_group_with_its_number(run: Run, page: str):
    evaluation = read_evaluation(run.path)

    for metric in evaluation.metrics:
        assert f"{metric.value:.4f}" in page
        assert f"{metric.low:.4f} to {metric.high:.4f}" in page
    assert [gate.verdict for gate in evaluation.gates] == ["fail", "pass"]
    assert "✗ 1 fail" in page
    assert "✓ 1 pass" in page
    for title in ("Gates", "Metrics", "How it decides", "What matters", "Why, for single rows", "Fairness",
                  "Errors by group", "On later rows", "Data", "Served is what was measured"):  # fmt: skip
        assert f"<h2>{title}</h2>" in page
    assert str(evaluation.confusion[0][0]) in page


def test_it_bears_the_name_of_its_candidate(run: Run, page: str):
    assert f"<p class='over'>{run.candidate.name}</p>" in page


def test_names_are_text_and_never_markup(page: str):
    assert "<h1>Loans &lt;b&gt;&amp; more&lt;/b&gt;</h1>" in page


def test_every_picture_has_words_for_those_who_cannot_see_it(page: str):
    images = Page(page).images

    assert len(images) == 4  # and the decisions are a table
    assert all(len(image["aria-label"] or "") > 40 for image in images)


@pytest.mark.feature("F500")
def test_single_rows_are_explained_by_what_speaks_most_for_and_against(page: str):
    cards = re.findall(r"<article>.*?</article>", page, re.DOTALL)

    assert 2 <= len(cards) <= 3
    for card in cards:
        towards, against = card.count("class='bar for'"), card.count("class='bar against'")
        assert towards <= 3 >= against
        assert towards + against >= 2


@pytest.mark.feature("F501")
def test_importances_are_those_of_the_bundle_the_largest_first(run: Run, page: str):
    card = (run.path / "files" / "card.md").read_text()
    listed = re.findall(r"^\| (\w+) \| (\d+\.\d{4}) \|$", card.split("## What matters")[1], re.MULTILINE)
    shown = re.findall(r"<span class='name'>(\w+)</span>.*?<span class='number'>(\d+\.\d{4})</span>", page)

    assert shown[: len(listed)] == listed
    assert [float(value) for _, value in listed] == sorted((float(value) for _, value in listed), reverse=True)


def test_a_report_is_no_part_of_the_bundle(run: Run):
    assert "report.html" not in {path.name for path in (run.path / "files").iterdir()}


def test_the_curve_encloses_the_area_that_is_measured():
    random = np.random.default_rng(1)
    truth = random.binomial(1, 0.3, 300)
    scores = np.round(truth * 0.3 + random.random(300), 1)
    seen = predicted(Task("binary", "y", ("no", "yes")), truth, scores[:, None], 0.5)
    from towpath.declare import auc
    from towpath.training.metrics import value_of

    points, area = roc_points(seen, 1)

    assert area == pytest.approx(value_of(auc(), seen))
    assert points[0] == (0.0, 0.0)
    assert points[-1] == pytest.approx((1.0, 1.0))
    assert "0.5" in precision_recall(seen, 1, 0.5)


def test_a_chart_puts_values_where_its_axes_say():
    chart = Chart((0, 10), (0, 100))
    left, bottom = chart.at(0, 0)
    right, top = chart.at(10, 100)

    assert left < right
    assert top < bottom
    assert chart.at(5, 50) == pytest.approx(((left + right) / 2, (top + bottom) / 2))


def test_a_chart_of_one_value_has_room():
    assert Chart((3, 3), (0, 1)).at(3, 0)[0] > 0


@pytest.mark.parametrize(
    ("span", "expected"),
    [((0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]), ((-3, 12), [0, 5, 10]), ((0, 43000), [0, 10000, 20000, 30000, 40000])],
)
def test_ticks_are_round_numbers(span, expected):
    assert ticks(span) == pytest.approx(expected)


def test_axis_numbers_are_short():
    assert [plain(value) for value in (0.2, 1500, 20_000, 1_500_000)] == ["0.2", "1500", "20k", "1.5M"]


def test_a_thinned_curve_keeps_its_ends():
    points = [(float(i), 0.0) for i in range(10_000)]
    found = thinned(points)

    assert len(found) <= 160
    assert (found[0], found[-1]) == (points[0], points[-1])


@pytest.mark.parametrize("service", ["iris", "sentiment", "carvision", "ml-api"])
def test_every_kind_of_service_has_a_whole_page(bundles: dict[str, Path], service: str):
    state = bundles[service].parents[2]
    text = (state / "candidates" / service / "1" / "report.html").read_text(encoding="utf-8")

    assert Page(text).open == []
    assert len(text.encode()) < 300_000
    assert "nan" not in re.sub(r"[a-z]*nan[a-z]+|[a-z]+nan[a-z]*", "", text.lower())


def test_a_text_of_markup_is_shown_as_text():
    from towpath.core.contract import Contract, Field
    from towpath.core.style import Style
    from towpath.engine.contributions import Contribution
    from towpath.training.report.explain import examples

    contract = Contract("s", (Field("text", "string"),), Task("binary", "y", ("no", "yes")), (), Style())
    seen = predicted(contract.task, np.array([0, 1]), np.array([[0.2], [0.9]]), 0.5)
    parts = (Contribution((0.0,), ({"<script>": 1.0},)),) * 2
    text = examples(parts, pd.DataFrame({"text": ["<script>alert(1)</script>"] * 2}), seen, contract)

    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text
