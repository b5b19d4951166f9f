"""python -m tests.docs.generate: writes the parts of pages that are made from the code."""

import sys

from tests.docs.pages import GENERATED, ROOT, pages, with_generated
from tests.docs.tables import PARTS


def generate() -> list[str]:
    """Write every page's generated parts anew; returns the pages that were not up to date."""
    parts = {name: make() for name, make in PARTS.items()}
    changed = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (anew := with_generated(text, parts)) != text:
            page.write_text(anew, encoding="utf-8")
            changed.append(page.relative_to(ROOT).as_posix())
    return changed


def markers() -> list[str]:
    """The names of the parts that pages ask for."""
    return [match[2] for page in pages() for match in GENERATED.finditer(page.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    sys.stdout.write("".join(f"wrote {name}\n" for name in generate()) or "every page is up to date\n")
