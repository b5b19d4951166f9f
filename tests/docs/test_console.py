"""Every command on a page is run, in order, in a folder of its own, and gives what the page says."""

import shutil
import time
from pathlib import Path

import pytest

from tests.docs.console import faults, needs, run, steps
from tests.docs.pages import ROOT, Block, blocks, pages

PAGES = [page for page in pages() if blocks(page, "console")]


@pytest.fixture
def home(tmp_path) -> Path:
    """An empty home but for a clone of Towpath with its examples."""
    folder = tmp_path / "home"
    ours = shutil.ignore_patterns(".towpath", "__pycache__")
    shutil.copytree(ROOT / "examples", folder / "towpath" / "examples", ignore=ours)
    return folder


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_the_commands_of_a_page_do_what_it_says(page, home):
    found = [step for block in blocks(page, "console") for step in steps(block)]
    if missing := needs(found):
        pytest.skip(f"this machine has no {', '.join(missing)}")

    outcomes = run(found, home)

    assert len(outcomes) == len(found), f"the shell ended early:\n{outcomes[-1].output if outcomes else ''}"
    assert "\n".join(faults(found, outcomes)) == ""


# --- and the runner can tell when they do not


def told(home: Path, text: str, declared: str = "") -> list[str]:
    found = steps(Block(ROOT / "README.md", 1, "console", declared, text))
    return faults(found, run(found, home))


def test_commands_share_one_shell_and_may_go_over_several_lines(home):
    assert (
        told(
            home,
            "$ cd towpath\n$ pwd\n/home/ana/towpath\n$ echo '1\n>\n> 2'\n1\n\n2\n$ towpath --version\ntowpath ...\n",
        )
        == []
    )


def test_another_output_than_stated_is_told(home):
    (fault,) = told(home, "$ echo one\none\n$ echo two\nthree\n")

    assert "`echo two`: the page says 'three', but it is 'two'" in fault


def test_a_failure_is_told_unless_the_page_shows_it_for_that(home):
    failing = "$ ls nowhere\n...\n$ echo $?\n2\n"

    assert len(told(home, failing)) == 1
    assert told(home, failing, "fails") == []


def test_what_a_page_starts_in_the_background_has_said_what_is_stated_and_ends_with_the_page(home):
    beating = "sh -c 'sleep 0.3; echo up; while sleep 0.02; do echo beat >> beats; done'"

    assert told(home, f"$ {beating} &\nup\n$ sleep 0.2\n") == []
    beats = (home / "beats").stat().st_size
    time.sleep(0.2)
    assert (home / "beats").stat().st_size == beats > 0
