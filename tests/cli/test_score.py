"""towpath score: every row answered as the engine answers it, in any format; no row lost, nothing half-written."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import ROOT, Towpath
from towpath.bundle.read import read_bundle
from towpath.engine.answers import Said
from towpath.engine.engine import open_engine

CUSTOMER = {
    "CustomerId": 15634602, "CreditScore": 650, "Geography": "France", "Gender": "Female", "Age": 40, "Tenure": 3,
    "Balance": 60000.5, "NumOfProducts": 2, "HasCrCard": 1, "IsActiveMember": 1, "EstimatedSalary": 50000.0,
}  # fmt: skip
SAID_BY_TIME = {"prediction_timestamp"}


def customers(rows: int) -> list[dict[str, Any]]:
    """Customers that differ, every seventh without a tenure."""
    random = np.random.default_rng(1)
    return [
        CUSTOMER
        | {
            "CustomerId": 15_000_000 + i,
            "Age": int(random.integers(18, 90)),
            "Balance": round(float(random.uniform(0, 2e5)), 2),
            "Geography": ["France", "Germany", "Spain"][i % 3],
            "Tenure": None if i % 7 == 0 else i % 11,
        }
        for i in range(rows)
    ]


def expected(bundle: Path, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the engine answers, without what the clock says."""
    opened = read_bundle(bundle)
    engine = open_engine(opened)
    answers = engine.answers([engine.read(record) for record in records], Said(opened.name, ""))
    return [without_time(answer) for answer in answers]


def without_time(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in SAID_BY_TIME}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The rows as csv, jsonl or parquet, by the name."""
    if path.suffix == ".jsonl":
        path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a jsonl, parquet or csv file with values as they were before they were written."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if path.suffix == ".parquet":
        return [{name: dict(v) if type(v) is list and name == "feature_contributions" else v for name, v in row.items()}
                for row in pq.read_table(path).to_pylist()]  # fmt: skip
    with path.open(newline="") as file:
        return [{name: json_or_text(cell) for name, cell in row.items()} for row in csv.DictReader(file)]


def json_or_text(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return cell


@pytest.mark.feature("F563")
@pytest.mark.parametrize("source", ["in.csv", "in.jsonl", "in.parquet"])
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_every_row_is_answered_as_the_engine_answers_it(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path, source: str, output: str
):
    records = customers(50)
    done = towpath("score", bundles["bankchurn"], write(tmp_path / source, records), tmp_path / output)

    assert (done.code, done.out.partition(" ")[0]) == (0, "50")
    found = read(tmp_path / output)
    assert [row["CustomerId"] for row in found] == [record["CustomerId"] for record in records]
    answers = [{name: value for name, value in without_time(row).items() if name != "CustomerId"} for row in found]
    assert answers == expected(bundles["bankchurn"], records)


def test_more_rows_than_a_batch_keep_their_order_and_are_all_there(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path
):
    rows = [
        {"sepal_length": 5 + i % 30 / 10, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
        for i in range(10_000)
    ]
    done = towpath("--json", "score", bundles["iris"], write(tmp_path / "in.csv", rows), tmp_path / "out.jsonl")

    assert done.data["answered"] == 10_000
    found = read(tmp_path / "out.jsonl")
    assert found[4_095:4_100] == expected(
        bundles["iris"], [{"features": list(row.values())} for row in rows[4_095:4_100]]
    )


@pytest.mark.parametrize("name", ["in.csv", "in.parquet", "in.jsonl"])
def test_a_vector_is_one_column_or_one_for_each_position(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path, name: str
):
    vector = [5.1, 3.5, 1.4, 0.2]
    whole = {"features": json.dumps(vector) if name == "in.csv" else vector}
    towpath("score", bundles["iris"], write(tmp_path / name, [whole]), tmp_path / "out.jsonl")

    assert read(tmp_path / "out.jsonl") == expected(bundles["iris"], [{"features": vector}])


def test_text_with_commas_quotes_and_line_ends_comes_through(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path
):
    texts = ['a "great", moving film', "dull\nand long", "fünf Sterne"]
    source = write(tmp_path / "in.csv", [{"text": text, "label": "?"} for text in texts])
    done = towpath("score", bundles["sentiment"], source, tmp_path / "out.csv", "--keep-input")

    assert done.code == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["text"] for row in found] == texts
    assert [row["input.label"] for row in found] == ["?", "?", "?"]
    assert [row["label"] for row in found] == [
        answer["label"] for answer in expected(bundles["sentiment"], [{"text": t} for t in texts])
    ]


def test_rows_that_break_the_contract_are_kept_with_number_and_all_faults(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path
):
    rows = [CUSTOMER, CUSTOMER | {"CreditScore": 950, "Geography": "Italy", "Balance": "inf", "Age": ""}, CUSTOMER]
    done = towpath("score", bundles["bankchurn"], write(tmp_path / "in.csv", rows), tmp_path / "out.csv")

    assert done.code == 1
    assert "1 row breaks the contract" in done.err
    assert len(read(tmp_path / "out.csv")) == 2
    (rejected,) = read(tmp_path / "out.csv.rejected.jsonl")
    assert rejected["row"] == 2
    assert {fault["path"] for fault in rejected["faults"]} == {"CreditScore", "Geography", "Age", "Balance"}
    assert rejected["given"]["Geography"] == "Italy"


def test_lines_that_are_no_records_are_kept_too(towpath: Towpath, bundles: dict[str, Path], tmp_path: Path):
    good = json.dumps({"text": "great"})
    (tmp_path / "in.jsonl").write_text(f'{good}\n{{"text": \n\n[1]\n{{"text": 5}}\n{good}\n')
    done = towpath("--json", "score", bundles["sentiment"], tmp_path / "in.jsonl", tmp_path / "out.jsonl")

    assert done.envelope["data"] | {"bundle": "", "output": "", "rejected_rows": ""} == {
        "bundle": "", "output": "", "answered": 2, "rejected": 3, "rejected_rows": "", "threshold": 0.5,
    }  # fmt: skip
    assert [row["row"] for row in read(tmp_path / "out.jsonl.rejected.jsonl")] == [2, 3, 4]


def test_a_csv_row_of_the_wrong_length_is_kept_and_the_rest_is_answered(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path
):
    (tmp_path / "in.csv").write_text("text,stars\ngreat,5\nawful\nfine,3\n")
    done = towpath("score", bundles["sentiment"], tmp_path / "in.csv", tmp_path / "out.csv")

    assert done.code == 1
    assert len(read(tmp_path / "out.csv")) == 2
    assert read(tmp_path / "out.csv.rejected.jsonl")[0]["faults"][0]["reason"] == "has 1 cells; the header names 2"


def test_rejects_of_an_earlier_run_do_not_stay(towpath: Towpath, bundles: dict[str, Path], tmp_path: Path):
    (tmp_path / "out.csv.rejected.jsonl").write_text("old")
    towpath("score", bundles["bankchurn"], write(tmp_path / "in.csv", [CUSTOMER]), tmp_path / "out.csv")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_missing_columns_are_all_named_before_anything_is_written(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path
):
    row = {name: value for name, value in CUSTOMER.items() if name not in ("Age", "Gender", "CustomerId")}
    done = towpath("score", bundles["bankchurn"], write(tmp_path / "in.csv", [row]), tmp_path / "out.csv")

    assert done.code == 2
    assert "the input has no column for Gender, Age; it has CreditScore" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_whole_floats_and_nan_are_read_as_tables_write_them(towpath: Towpath, bundles: dict[str, Path], tmp_path: Path):
    row = CUSTOMER | {"CreditScore": "650.0", "Tenure": "nan", "CustomerId": "15634602.0"}
    towpath("score", bundles["bankchurn"], write(tmp_path / "in.csv", [row]), tmp_path / "out.jsonl")
    (found,) = read(tmp_path / "out.jsonl")

    assert found.pop("CustomerId") == 15634602
    assert [without_time(found)] == expected(bundles["bankchurn"], [CUSTOMER | {"Tenure": None}])


def test_nan_in_parquet_is_missing_and_no_id(towpath: Towpath, bundles: dict[str, Path], tmp_path: Path):
    row = CUSTOMER | {"CustomerId": float("nan"), "Tenure": float("nan"), "Age": 40.0}
    towpath("score", bundles["bankchurn"], write(tmp_path / "in.parquet", [row]), tmp_path / "out.jsonl")
    (found,) = read(tmp_path / "out.jsonl")

    assert found.pop("CustomerId") is None
    assert [without_time(found)] == expected(bundles["bankchurn"], [CUSTOMER | {"Tenure": None}])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("in.csv", b"", "is empty"),
        ("in.csv", b"text,text\na,b\n", "names a column twice: text"),
        ("in.csv", b"text\ncaf\xe9\n", "save it as UTF-8"),
        ("in.parquet", b"PAR?", "is not a parquet file"),
        ("in.xlsx", b"", "does not say what it is"),
    ],
)
def test_a_file_of_another_kind_is_a_usage_error(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path, name: str, content: bytes, says: str
):
    (tmp_path / name).write_bytes(content)
    done = towpath("score", bundles["sentiment"], tmp_path / name, tmp_path / "out.csv")

    assert done.code == 2
    assert says in done.err
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_format_can_be_said_where_names_do_not(towpath: Towpath, bundles: dict[str, Path], tmp_path: Path):
    (tmp_path / "in.txt").write_text('{"text": "great"}\n')
    done = towpath("score", bundles["sentiment"], tmp_path / "in.txt", tmp_path / "out.txt", "--format", "jsonl")

    assert done.code == 0
    assert json.loads((tmp_path / "out.txt").read_text())["label"] == "positive"


def test_input_is_never_overwritten_and_devices_are_never_replaced(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path
):
    source = write(tmp_path / "in.csv", [{"text": "great"}])

    assert towpath("score", bundles["sentiment"], source, tmp_path / "." / "in.csv").code == 2
    assert towpath("score", bundles["sentiment"], source, "/dev/null", "--format", "csv").code == 2
    assert towpath("score", bundles["sentiment"], tmp_path / "none.csv", tmp_path / "out.csv").code == 8


def test_the_input_is_never_where_rejected_rows_would_go(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    source = write(tmp_path / "o2.jsonl.rejected.jsonl", [{"text": "great"}])
    before = source.read_bytes()
    (tmp_path / "link.jsonl").symlink_to(source)

    for named in ("o2.jsonl.rejected.jsonl", source, "link.jsonl"):
        done = towpath("score", bundles["sentiment"], named, "o2.jsonl")
        assert (done.code, "rejected rows of o2.jsonl would go there" in done.err) == (2, True)
    assert source.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"o2.jsonl.rejected.jsonl", "link.jsonl"}


def test_a_file_named_as_ours_are_meanwhile_is_left_alone(towpath: Towpath, bundles: dict[str, Path], tmp_path: Path):
    meanwhile = [tmp_path / f".{name}.writing-{os.getpid()}" for name in ("out.jsonl", "out.jsonl.rejected.jsonl")]
    for path in meanwhile:
        write(path.with_suffix(".jsonl"), [{"text": "great"}]).rename(path)
    done = towpath("score", bundles["sentiment"], meanwhile[0], tmp_path / "out.jsonl", "--format", "jsonl")

    assert done.code == 0
    assert [len(read(path.rename(path.with_suffix(".jsonl")))) for path in meanwhile] == [1, 1]


def test_a_folder_is_never_replaced_by_rejected_rows(towpath: Towpath, bundles: dict[str, Path], tmp_path: Path):
    (tmp_path / "out.csv.rejected.jsonl").mkdir()
    done = towpath("score", bundles["sentiment"], write(tmp_path / "in.csv", [{"text": "great"}]), tmp_path / "out.csv")

    assert done.code == 2
    assert "out.csv.rejected.jsonl is no file that could be replaced" in done.err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.feature("F155")
def test_another_threshold_decides_otherwise_for_this_run_alone(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path
):
    source = write(tmp_path / "in.csv", customers(200))

    def decided(*words: str) -> list[tuple[float, int]]:
        done = towpath("--json", "score", bundles["bankchurn"], source, tmp_path / "out.jsonl", *words)
        assert done.data["threshold"] == float(words[1]) if words else own
        return [(row["churn_probability"], row["churn_prediction"]) for row in read(tmp_path / "out.jsonl")]

    own = read_bundle(bundles["bankchurn"]).settings.threshold
    low, usual, high = decided("--threshold", "0.1"), decided(), decided("--threshold", "0.9")
    for rows, threshold in ((low, 0.1), (usual, own), (high, 0.9)):
        assert [decision for _, decision in rows] == [int(p >= threshold) for p, _ in rows]
    assert sum(low[i][1] for i in range(200)) > sum(high[i][1] for i in range(200))
    assert [p for p, _ in low] == [p for p, _ in high]
    told = towpath("score", bundles["bankchurn"], source, tmp_path / "out.csv", "--threshold", "0.9").out
    assert f"deciding from 0.9 on and not from its own {own:g}" in told


@pytest.mark.parametrize(
    ("service", "threshold", "says"),
    [
        ("bankchurn", "0", "0 is not between 0 and 1"),
        ("bankchurn", "1", "1 is not between 0 and 1"),
        ("bankchurn", "-0.5", "-0.5 is not between 0 and 1"),
        ("bankchurn", "50", "50 is not between 0 and 1"),
        ("bankchurn", "nan", "nan is not between 0 and 1"),
        ("bankchurn", "half", "'half' is not a valid float"),
        ("iris", "0.5", "iris decides nothing from a threshold on: species is multiclass"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused_before_anything_is_written(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path, service: str, threshold: str, says: str
):
    source = write(tmp_path / "in.csv", [CUSTOMER])
    done = towpath("score", bundles[service], source, tmp_path / "out.csv", "--threshold", threshold)

    assert done.code == 2
    assert says in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_parquet_is_written_in_few_large_row_groups(towpath: Towpath, bundles: dict[str, Path], tmp_path: Path):
    source = write(tmp_path / "in.csv", [{"text": "great"}] * 10_000)
    done = towpath("score", bundles["sentiment"], source, tmp_path / "out.parquet")

    assert done.code == 0
    written = pq.ParquetFile(tmp_path / "out.parquet").metadata
    assert (written.num_rows, written.num_row_groups) == (10_000, 1)


PEAK = """
import sys
from pathlib import Path
from towpath.cli.scoring.inputs import load_arrow, open_input
rows = sum(len(batch) for batch in open_input(Path(sys.argv[1]), "parquet").batches())
print(rows, load_arrow().default_memory_pool().backend_name, load_arrow().default_memory_pool().max_memory())
"""


def test_of_a_large_row_group_only_a_part_is_held_at_a_time(tmp_path: Path):
    numbers = np.random.default_rng(1).normal(size=1_000_000)
    pq.write_table(pa.table(dict.fromkeys("abcd", numbers)), tmp_path / "in.parquet", use_dictionary=False)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path / "in.parquet")],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    rows, allocator, most = done.stdout.split()
    assert (tmp_path / "in.parquet").stat().st_size > 30e6
    assert (rows, allocator) == ("1000000", "system")
    assert int(most) < 10e6


@pytest.mark.integration
def test_ctrl_c_leaves_no_output_and_says_so(bundles: dict[str, Path], tmp_path: Path):
    pipe, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    os.mkfifo(pipe)
    words = [sys.executable, "-m", "towpath", "score", str(bundles["sentiment"]), str(pipe), str(output)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    with pipe.open("w") as feed:
        feed.write('{"text": "great"}\n' * 5_000)
        feed.flush()
        until = time.monotonic() + 30
        while not list(tmp_path.glob(".out.jsonl.writing-*")) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)

    assert process.returncode == 130
    assert f"interrupted: {output} is not written" in told
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_without_a_terminal_progress_is_a_line_now_and_then(
    towpath: Towpath, bundles: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("towpath.cli.scoring.progress.SECONDS", 0.0)
    source = write(tmp_path / "in.csv", [{"text": "great"}] * 5_000)
    done = towpath("score", bundles["sentiment"], source, tmp_path / "out.csv")

    assert re.search(r"scoring in\.csv: 4,096 rows, \d+% of the input, [\d,]+ rows a second\n", done.err)


@pytest.mark.integration
def test_on_a_terminal_progress_is_a_bar(bundles: dict[str, Path], tmp_path: Path):
    source = write(tmp_path / "in.csv", [{"text": "great"}] * 5_000)
    ours, theirs = os.openpty()
    words = [
        sys.executable,
        "-m",
        "towpath",
        "score",
        str(bundles["sentiment"]),
        str(source),
        str(tmp_path / "out.csv"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(words, stderr=theirs, stdout=subprocess.PIPE, text=True, env=environment, timeout=60)
    os.close(theirs)

    shown = os.read(ours, 1 << 20).decode()
    os.close(ours)
    assert (done.returncode, done.stdout.partition(" ")[0]) == (0, "5,000")
    assert "\x1b[" in shown
    assert "scoring in.csv" in shown
