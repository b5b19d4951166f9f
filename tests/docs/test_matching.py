"""What a page states is compared word for word, but for what differs from run to run."""

import pytest

from tests.docs.matching import differs


@pytest.mark.parametrize(
    ("stated", "given"),
    [
        ("trained iris", "trained iris"),
        ("auc 0.8706 [0.8478, 0.8891]", "auc 0.91 [0.9, 0.92]"),
        ("age -0.25", "age 1.5"),
        ("bundle:3bd06a8916bc", "bundle:0123456789ab"),
        ("within 1e-15", "within 2.5e-09"),
        ("size  709.7 kB in 12 files", "size 1.2 MB in 12 files"),
        ("at 2026-11-21T10:57:22Z", "at 2027-01-01T00:00:00Z"),
        ("a    b", "a b"),
        ("pid ... ended", "pid 4711 ended"),
        ("first\n...\nlast", "first\nsecond\nthird\nlast"),
        ("first\n...", "first\nsecond"),
    ],
)
def test_examples_stand_for_their_kind_and_dots_for_anything(stated, given):
    assert differs(stated, given) is None


@pytest.mark.parametrize(
    ("stated", "given"),
    [
        ("8000 rows", "8001 rows"),
        ("auc 0.87", "auc none"),
        ("bundle:3bd06a8916bc", "bundle:none"),
        ("trained iris", "trained churn"),
        ("one line", "one line\nand another"),
        ("one line\nand another", "one line"),
        ("first\n...\nlast", "first\nsecond"),
        ("12 files", "12 files, 0 golden rows"),
    ],
)
def test_everything_else_is_word_for_word(stated, given):
    assert differs(stated, given) is not None
