"""The Python on the pages runs, says what the page says it says, and its services train."""

import contextlib
import io
from itertools import pairwise
from pathlib import Path

import pytest

from tests.docs.matching import differs
from tests.docs.pages import Block, blocks, pages
from towpath.core.errors import TowpathError
from towpath.data.objects import ObjectStore
from towpath.data.table import read_rows
from towpath.declare.load import load_service
from towpath.training.train import train

PAGES = [page for page in pages() if blocks(page, "python")]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_the_python_of_a_page_runs_in_order_and_says_what_is_stated(page):
    names: dict[str, object] = {}

    wrong = [fault for block, stated in with_output(page) if (fault := fault_of(block, stated, names))]

    assert wrong == []


@pytest.mark.parametrize(
    "block", [block for page in PAGES for block in blocks(page, "python") if block.declared == "service.py"]
)
def test_a_service_on_a_page_loads_trains_and_passes_its_gates(block, tmp_path):
    service = load_service(written(block, tmp_path))
    rows = read_rows(service, ObjectStore(tmp_path / "objects"), [], seed=42)

    evaluation = train(service, rows, seed=42, say=lambda line: None).evaluation

    assert rows.origin == "generated"
    assert [gate for gate in evaluation.gates if gate.verdict != "pass"] == []


def with_output(page: Path) -> list[tuple[Block, str | None]]:
    """Each Python block with the text that stands directly below it, which is what it says."""
    found = blocks(page)
    below = {id(block): after for block, after in pairwise(found)}
    return [(block, text_of(block, below.get(id(block)))) for block in found if block.language == "python"]


def text_of(block: Block, after: Block | None) -> str | None:
    end = block.line + block.text.count("\n") + 1
    return after.text if after and after.language == "text" and after.line == end + 2 else None


def fault_of(block: Block, stated: str | None, names: dict[str, object]) -> str | None:
    said, error = run(block, names)
    if (error is not None) != (block.declared == "raises"):
        return f"{block} raised {error!r}"
    fault = differs(stated, said) if stated is not None else None
    return f"{block}: {fault}" if fault else None


def run(block: Block, names: dict[str, object]) -> tuple[str, TowpathError | None]:
    """What a block prints, or what the error says that it raises."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(block.text, str(block), "exec"), names)  # noqa: S102  # our own pages
    except TowpathError as error:
        return str(error), error
    return printed.getvalue(), None


def written(block: Block, folder: Path) -> Path:
    home = folder / "parcels"
    home.mkdir()
    (home / "service.py").write_text(block.text, encoding="utf-8")
    return home
