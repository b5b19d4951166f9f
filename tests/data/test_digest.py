"""The digest of a table is that of its rows, however they are ordered and written."""

from pathlib import Path

import pytest

from tests.data.months import content, month, moods, service, texts
from towpath.core.errors import UsageError
from towpath.data.digest import count_and_digest


def digest_of(folder: Path, text: bytes) -> tuple[int, str]:
    (folder / "churn.csv").write_bytes(text)
    (rows,), digest = count_and_digest(service().data, [folder / "churn.csv"])
    return rows, digest


@pytest.fixture
def plain(tmp_path: Path) -> tuple[int, str]:
    return digest_of(tmp_path, content(month()))


def test_the_same_rows_in_another_order_have_the_same_digest(tmp_path: Path, plain: tuple[int, str]):
    assert digest_of(tmp_path, content(month().sample(frac=1, random_state=1))) == plain
    assert plain[0] == 120


def test_quoting_line_ends_byte_order_marks_and_the_order_of_columns_do_not_matter(tmp_path: Path, plain):
    other = month()[["Exited", "Balance", "CustomerId", "Age"]].to_csv(index=False, quoting=1, lineterminator="\r\n")

    assert digest_of(tmp_path, b"\xef\xbb\xbf" + other.encode()) == plain


def test_one_cell_more_or_less_gives_another_digest(tmp_path: Path, plain: tuple[int, str]):
    changed = month(Age=[21, *month()["Age"][1:]])

    assert digest_of(tmp_path, content(changed))[1] != plain[1]
    assert digest_of(tmp_path, content(month().rename(columns={"Age": "Tenure"})))[1] != plain[1]
    assert digest_of(tmp_path, content(month(119)))[1] != plain[1]


def test_a_row_that_comes_twice_counts_twice(tmp_path: Path, plain: tuple[int, str]):
    twice = content(month()) + content(month()).split(b"\n", 1)[1]

    rows, digest = digest_of(tmp_path, twice)
    assert rows == 240
    assert int(digest, 16) == 2 * int(plain[1], 16) % 2**128


def test_texts_are_counted_without_blank_lines_and_belong_to_their_file(tmp_path: Path):
    bad, good = texts(tmp_path)
    counts, digest = count_and_digest(moods().data, [bad, good])
    bad.write_text(bad.read_text() + "\n \n")

    assert counts == [60, 60]
    assert count_and_digest(moods().data, [bad, good]) == (counts, digest)
    assert count_and_digest(moods().data, [good, bad])[1] != digest


def test_long_cells_are_read(tmp_path: Path):
    long = b"Age,Note\n40," + b"x" * 200_000 + b"\n"

    assert digest_of(tmp_path, long)[0] == 1


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path: Path):
    with pytest.raises(UsageError, match=r"churn\.csv cannot be read as csv"):
        digest_of(tmp_path, b"Age\n\xff\xfe\n")
