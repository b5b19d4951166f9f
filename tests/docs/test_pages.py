"""The pages are whole: links lead somewhere, blocks are what they say, generated parts are what the code says."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.generate import markers
from tests.docs.pages import DOCS, ROOT, Block, anchors, blocks, links, pages, prose, with_generated
from tests.docs.tables import PARTS
from towpath.core.project import read_project

OURS = re.compile(r"`((?:docs|examples|requirements|tests)/[\w./-]+)`")
LANGUAGES = {"python", "text", "console", "toml", "json", "sh"}


def named(found: list[Path] | list[Block]) -> list[str]:
    return [str(one.relative_to(ROOT)) if isinstance(one, Path) else str(one) for one in found]


PAGES = pages()
BLOCKS = [block for page in PAGES for block in blocks(page)]
TOML = [block for block in BLOCKS if block.language == "toml"]


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(page):
    broken = [
        f"{path.name}#{anchor}"
        for path, anchor in links(page)
        if not path.exists() or (anchor and anchor not in anchors(path))
    ]

    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_a_page_has_one_title_and_then_says_why(page):
    lines = [line for line in prose(page).splitlines() if line.strip()]

    assert [line for line in lines if line.startswith("# ")] == lines[:1]
    assert not lines[1].startswith(("#", "|", "-")), "a sentence stands before any section, table or list"


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_every_file_and_make_target_that_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert [path for path in OURS.findall(prose(page)) if not (ROOT / path).exists()] == []
    assert [
        target for target in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE) if target not in targets
    ] == []


def test_every_page_that_the_code_names_exists():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "towpath").rglob("*.py")]
    mentioned = {page for source in sources for page in re.findall(r"\bdocs/\w+\.md\b", source)}

    assert len(mentioned) > 1
    assert [page for page in sorted(mentioned) if not (ROOT / page).is_file()] == []


def test_every_page_can_be_reached_from_the_readme():
    reached = {path for path, _ in links(ROOT / "README.md")}

    assert [page.name for page in DOCS.glob("*.md") if page not in reached] == []


def test_every_block_says_what_language_it_is_in():
    assert [str(block) for block in BLOCKS if block.language not in LANGUAGES] == []


@pytest.mark.parametrize("block", TOML, ids=named(TOML))
def test_every_settings_file_on_a_page_is_read_by_towpath(block):
    settings = read_project(tomllib.loads(block.text), str(block))

    assert settings.name


def test_every_json_block_is_json():
    assert all(json.loads(block.text) for block in BLOCKS if block.language == "json")


def test_generated_parts_are_what_the_code_says_now():
    parts = {name: PARTS[name]() for name in set(markers())}
    stale = [page.name for page in PAGES if with_generated(text := page.read_text("utf-8"), parts) != text]

    assert stale == [], "python -m tests.docs.generate writes them"


def test_every_generated_part_is_on_a_page():
    assert sorted(markers()) == sorted(PARTS)
