"""Requirements files are read as pip reads them, and every line that can move is named."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.core.errors import InfrastructureError
from towpath.shipping.pins import check_pins, normal, read_pins

HASH = "--hash=sha256:" + "0" * 64
ROOT = Path(__file__).resolve().parents[2]
LOCKS = [ROOT / "requirements" / f"{name}.txt" for name in ("dev", "serving", "training", "control")]


@pytest.fixture
def said(tmp_path, monkeypatch):
    """The faults of a requirements file with this content, as a person reads them."""
    monkeypatch.chdir(tmp_path)

    def write_and_check(content: str | bytes, *others: tuple[str, str]) -> list[str]:
        for name, text in others:
            Path(name).write_text(text)
        Path("req.txt").write_bytes(content.encode() if isinstance(content, str) else content)
        return [str(fault) for fault in check_pins([Path("req.txt"), *(Path(name) for name, _ in others)])]

    return write_and_check


@pytest.mark.scenario("S014")
@pytest.mark.feature("F002")
def test_a_range_is_refused_with_file_line_and_package(said):
    faults = said(f"# runtime\nflask==3.0.3 {HASH}\nfastapi>=0.109\n")

    assert faults == ["req.txt:3: fastapi is not pinned (fastapi>=0.109); write fastapi==<version> --hash=..."]


@pytest.mark.parametrize(
    "line", ["numpy", "numpy~=2.4", "numpy==2.*", "numpy>=2,<3", "numpy==2.4.6,!=2.4.5", "numpy<3; python_version>'3'"]
)
def test_only_one_exact_version_counts_as_a_pin(said, line):
    (fault,) = said(f"{line} {HASH}\n")

    assert "req.txt:1: numpy is not pinned" in fault


@pytest.mark.feature("F003")
def test_two_exact_and_hashed_lines_have_no_fault(said):
    assert said(f"flask==3.0.3 {HASH}\ngunicorn==22.0.0 \\\n    {HASH} \\\n    {HASH}\n") == []


def test_an_unhashed_line_is_refused(said):
    assert said("flask==3.0.3\n") == [
        "req.txt:1: flask==3.0.3 has no hash, so any file of that name would do; add --hash=sha256:..."
    ]


@pytest.mark.parametrize("digest", ["sha256:beef", "md5:" + "0" * 32, "sha256:" + "x" * 64, ""])
def test_a_hash_that_no_file_can_have_is_refused(said, digest):
    (fault,) = said(f"flask==3.0.3 --hash={digest}\n")

    assert "req.txt:1: flask==3.0.3 has the hash" in fault


def test_continued_lines_are_one_line_and_the_fault_names_where_it_begins(said):
    faults = said(f"\nflask==3.0.3 \\\n    {HASH} \\\n    {HASH}\n    # via me\nnumpy \\\n    {HASH}\n")

    assert [fault.split(" is ")[0] for fault in faults] == ["req.txt:6: numpy"]


def test_a_comment_ends_a_continued_line(said):
    (fault,) = said(f"flask==3.0.3 \\\n# {HASH}\n")

    assert "flask==3.0.3 has no hash" in fault


def test_a_hash_sign_inside_a_word_is_no_comment(said):
    (fault,) = said("egg @ git+ssh://host/egg#egg=egg\n")

    assert "req.txt:1: egg comes from an address" in fault


def test_extras_and_markers_are_part_of_a_pin(said):
    assert said(f"uvicorn[standard] == 0.27.1 ; sys_platform != 'win32' and extra == 'x' {HASH}\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "flask @ file:///wheels/flask.whl",
        "git+ssh://me:word@host/flask.git",
        "./flask-3.0.3.whl",
        "../flask",
        "/opt/flask",
    ],
)
def test_a_requirement_by_address_is_refused_and_the_address_is_not_repeated(said, line):
    (fault,) = said(line + "\n")

    assert "comes from an address, not from a release" in fault
    assert "word" not in fault


@pytest.mark.parametrize("line", ["-e .", "--editable=.", "--editable ."])
def test_an_editable_requirement_is_refused(said, line):
    (fault,) = said(line + "\n")

    assert "req.txt:1: . is installed from a folder that may change" in fault


@pytest.mark.parametrize("line", ["--index-url x", "--extra-index-url=x", "-i x", "-f /wheels", "--no-index"])
def test_a_line_that_says_where_packages_come_from_is_refused(said, line):
    (fault,) = said(line + "\n")

    assert "that is the installing machine's setting" in fault


def test_a_line_that_is_no_requirement_is_refused(said):
    assert said("==1.0\n") == ["req.txt:1: '==1.0' is not a requirement; write NAME==VERSION --hash=..."]


@pytest.mark.parametrize("include", ["-r base.in", "--requirement=base.in", "-rbase.in", "-c base.in"])
def test_an_included_file_is_checked_too(said, include):
    Path("base.in").write_text("fastapi\n")

    assert [fault.split(";")[0] for fault in said(include + "\n")] == ["base.in:1: fastapi is not pinned (fastapi)"]


def test_an_include_that_is_not_there_is_named(said):
    assert said("-r nowhere.txt\n") == ["req.txt:1: it includes nowhere.txt, which is not there"]


def test_files_that_include_each_other_are_read_once(said):
    assert said("-r other.txt\n", ("other.txt", f"-r req.txt\nflask==3.0.3 {HASH}\n")) == []


@pytest.mark.feature("F004")
@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-16", "UTF-16"), ("utf-8-sig", "UTF-8 with a byte order mark"), ("utf-32", "UTF-32")]
)
def test_a_file_with_a_byte_order_mark_is_named_as_such_and_still_read(said, encoding, name):
    faults = said("fastapi>=0.129\n".encode(encoding))

    assert faults[0] == f"req.txt:1: the file is {name}, which tools misread; save it as plain UTF-8"
    assert "req.txt:1: fastapi is not pinned" in faults[1]


@pytest.mark.parametrize(
    ("content", "name"), [("flask".encode("utf-16-le"), "UTF-16 without"), (b"\xff\xf0", "not UTF-8")]
)
def test_a_file_that_is_no_text_is_one_fault(said, content, name):
    (fault,) = said(content)

    assert name in fault


def test_a_file_that_cannot_be_read_is_an_error():
    with pytest.raises(InfrastructureError, match=r"nowhere\.txt cannot be read"):
        check_pins([Path("nowhere.txt")])


def test_one_package_at_two_versions_in_two_files_is_refused(said):
    faults = said(f"Num_Py==2.4.6 {HASH}\n", ("dev.txt", f"\nnum-py==2.4.7 {HASH}\n"))

    assert faults == ["dev.txt:2: num-py is pinned to 2.4.7 here and to 2.4.6 in req.txt"]


def test_one_package_at_two_versions_in_one_file_needs_two_markers(said):
    apart = f"numpy==2.4.6 ; python_version < '3.12' {HASH}\nnumpy==2.5.5 ; python_version >= '3.12' {HASH}\n"
    together = f"numpy==2.4.6 {HASH}\nnumpy==2.5.5 {HASH}\n"

    assert said(apart) == []
    assert said(together) == ["req.txt:2: numpy is pinned to 2.4.6 and 2.5.5 in one file"]


@pytest.mark.feature("F001", "F002", "F013")
def test_every_line_of_our_own_files_is_exact_and_hashed_and_agrees():
    assert check_pins(LOCKS) == []
    assert {"numpy", "flatbuffers"} <= {pin.package for pin in read_pins(LOCKS)[0]}, "direct and transitive ones"


def test_any_line_of_ours_that_loses_its_hashes_is_found(said):
    text = LOCKS[1].read_text()
    pins, _ = read_pins([LOCKS[1]])

    for pin in pins:
        block = re.search(rf"^{pin.package}==[^#]+", text, re.MULTILINE)[0]
        bare = text.replace(block, f"{pin.package}=={pin.version}\n    ")
        assert [fault.partition(" has no hash")[0] for fault in said(bare)] == [
            f"req.txt:{pin.line}: {pin.package}=={pin.version}"
        ]


@given(st.text(alphabet=" \t\n\\#-=;@[]<>~!abr:/.,'\"\ufeff\0", max_size=60))
def test_no_text_stops_the_reader(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "req.txt"
    path.write_bytes(text.encode())

    pins, faults = read_pins([path])

    assert all(1 <= found.line <= text.count("\n") + 1 for found in [*pins, *faults])


def test_a_name_is_compared_as_registries_compare_it():
    assert {normal(name) for name in ("Flask_Cors", "flask.cors", "FLASK--cors")} == {"flask-cors"}
