"""Training data is held against the record; every column that breaks it is named at once."""

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest

from towpath.core.errors import Faulty, InfrastructureError, UsageError
from towpath.core.formats import digest
from towpath.data.objects import ObjectStore
from towpath.data.table import read_rows
from towpath.declare import Id, Meta, Record, Service, accuracy, auc, binary, class_name, csv, lines, probability


class Customer(Record):
    Age: Annotated[int, Meta(ge=18)]
    Country: Literal["France", "Spain"]
    Tenure: float | None
    CustomerId: Id[int] | None = None


GOOD = pd.DataFrame(
    {
        "CustomerId": range(120),
        "Age": [20 + i % 50 for i in range(120)],
        "Country": ["France", "Spain"] * 60,
        "Tenure": [None, 1.5] * 60,
        "Exited": ["no", "yes", "no", "no", "no", "no", "no", "no", "no", "no", "no", "no"] * 10,
    }
)


def rows_of(frame: pd.DataFrame, folder: Path, **data: Any) -> Any:
    content = frame.to_csv(index=False).encode()
    (folder / "churn.csv").write_bytes(content)
    service = Service(
        "churn",
        record=Customer,
        target=binary("Exited", positive="churn", labels=("no", "yes")),
        data=csv("churn.csv", sha256=digest(content), **data),
        answer={"p": probability("churn")},
        metrics=[auc()],
    )
    return read_rows(service, ObjectStore(folder / "objects"), [folder], seed=1)


def test_rows_are_read_into_features_others_and_targets(tmp_path: Path):
    rows = rows_of(GOOD, tmp_path)

    assert list(rows.features) == ["Age", "Country", "Tenure"]
    assert rows.features.dtypes.map(str).to_dict() == {"Age": "float64", "Country": "object", "Tenure": "float64"}
    assert list(rows.others) == ["CustomerId"]
    assert rows.targets[:4].tolist() == [0, 1, 0, 0]
    assert (rows.origin, [source.name for source in rows.sources]) == ("real", ["churn.csv"])


def test_every_column_that_breaks_the_record_is_named_with_count_and_first_row(tmp_path: Path):
    bad = GOOD.assign(
        Age=[5, *GOOD["Age"][1:]], Country=["Italy", *GOOD["Country"][1:]], Exited=[None, "maybe", *GOOD["Exited"][2:]]
    ).astype({"Age": float})
    bad.loc[3, "Age"] = np.nan
    bad.loc[4, "Age"] = 40.5

    with pytest.raises(Faulty) as refused:
        rows_of(bad, tmp_path)

    assert refused.value.faults == [
        ("Exited", "has no target in 1 row, the first is row 0; drop them (Q03 target present)"),
        ("Exited", "is none of the labels no, yes in 1 row, the first is row 1: 'maybe' (Q04 target labels)"),
        ("Age", "breaks ge=18 in 1 row, the first is row 0: 5.0 (Q08 range)"),
        (
            "Age",
            "has no value in 1 row, the first is row 3; let the field be missing (`| None`) or fill it (Q10 missing)",
        ),
        ("Age", "is not whole in 1 row, the first is row 4: 40.5 (Q11 type)"),
        ("Country", "is not one of France, Spain in 1 row, the first is row 0: 'Italy' (Q12 choices)"),
    ]


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path):
    with pytest.raises(Faulty, match="Age: is not a column of the data, which has CustomerId, Country, Tenure, Exited"):
        rows_of(GOOD.drop(columns="Age"), tmp_path)


def test_a_class_that_never_occurs_cannot_be_learnt(tmp_path: Path):
    with pytest.raises(Faulty, match=r"is 'yes' \(churn\) in 0 rows; at least 10"):
        rows_of(GOOD.assign(Exited="no"), tmp_path)


def test_too_few_rows_are_refused(tmp_path: Path):
    with pytest.raises(Faulty, match="rows: has 8; at least 100 are needed"):
        rows_of(GOOD.head(8), tmp_path)


def test_columns_can_be_renamed_to_the_records(tmp_path: Path):
    assert len(rows_of(GOOD.rename(columns={"Age": "age"}), tmp_path, rename={"age": "Age"})) == 120


class Sentence(Record):
    text: str


def sentences(folder: Path, generator: Any = None) -> Any:
    content = {"bad": ("dull\x85 and\x0bflat\n" * 60 + "\n").encode("cp1252", "ignore"), "good": b"bright \x85\n" * 60}
    for label, text in content.items():
        (folder / f"{label}.txt").write_bytes(text)
    service = Service(
        "mood",
        record=Sentence,
        target=binary("label", positive="good", negative="bad", labels=("bad", "good")),
        data=lines(
            {label: (f"{label}.txt", digest(text)) for label, text in content.items()},
            encoding="cp1252", generator=generator, rows=130,
        ),
        answer={"label": class_name()},
        metrics=[accuracy()],
    )  # fmt: skip
    return read_rows(service, ObjectStore(folder / "objects"), [folder], seed=1), service


def test_lines_are_broken_at_newlines_alone(tmp_path: Path):
    rows, _ = sentences(tmp_path)

    assert (len(rows), rows.targets.tolist()) == (120, [0] * 60 + [1] * 60)
    assert set(rows.features["text"][60:]) == {"bright …"}


def test_the_generator_stands_in_where_the_files_are_not(tmp_path: Path):
    def invented(rows: int, seed: int) -> pd.DataFrame:
        return pd.DataFrame({"text": [f"text {seed}"] * rows, "label": ["bad", "good"] * (rows // 2)})

    _, service = sentences(tmp_path, invented)
    rows = read_rows(service, ObjectStore(tmp_path / "empty"), [], seed=7)

    assert (rows.origin, len(rows), rows.features["text"][0], rows.sources) == ("generated", 130, "text 7", ())


def test_without_files_and_generator_the_files_are_named(tmp_path: Path):
    _, service = sentences(tmp_path)

    with pytest.raises(InfrastructureError, match=r"bad\.txt, good\.txt not found in no folder at all"):
        read_rows(service, ObjectStore(tmp_path / "empty"), [], seed=7)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Age,Exited\n40,no,3\n41,yes,4\n", "cannot be read as csv"),
        (
            b"Age,Exited\n40,no\n41,yes,4\n",
            "1 row has not the 2 cells of the header; the first, which ends in line 3, has 3",
        ),
        (
            b"Exited,Age\nno,40\nyes\nno\n",
            "2 rows have not the 2 cells of the header; the first, which ends in line 3, has 1",
        ),
        (b"Age;Exited\n40;no\n", "is parted by ';', not by commas: its only column is 'Age;Exited'"),
        (b"Age,Age\n40,41\n", "has more than one column Age"),
        (b"", r"is empty \(Q01 present\)"),
        (b"Age,Exited\n\xff\xfe,no\n", "cannot be read as csv: 'utf-8' codec"),
        (b'Age,Exited\n"40,no\n', "cannot be read as csv"),
    ],
)
def test_a_file_that_is_no_table_is_refused_and_no_column_shifted(tmp_path: Path, content: bytes, says: str):
    (tmp_path / "churn.csv").write_bytes(content)
    service = Service(
        "churn",
        record=Customer,
        target=binary("Exited", positive="churn"),
        data=csv("churn.csv", sha256=digest(content)),
        answer={"p": probability("churn")},
        metrics=[auc()],
    )

    with pytest.raises(UsageError, match=says):
        read_rows(service, ObjectStore(tmp_path / "objects"), [tmp_path], seed=1)


class Parcel(Record):
    country: Literal["NA", "DE"] | None
    code: str
    weight: float | None
    fragile: bool


def test_strings_stand_as_they_are_and_only_numbers_know_words_for_missing(tmp_path: Path):
    cells = {"country": ["NA", "DE", "", "NA"], "code": ["007", "1e3", "x", "0"], "weight": ["1", "NA", "", "2.5"]}
    frame = pd.DataFrame(cells | {"fragile": ["True", "False", "True", "False"], "late": ["0", "1", "0", "1"]})
    content = pd.concat([frame] * 30).to_csv(index=False).encode()
    (tmp_path / "parcels.csv").write_bytes(content)
    service = Service(
        "parcels",
        record=Parcel,
        target=binary("late", positive="late"),
        data=csv("parcels.csv", sha256=digest(content)),
        answer={"p": probability("late")},
        metrics=[auc()],
    )
    features = read_rows(service, ObjectStore(tmp_path / "objects"), [tmp_path], seed=1).features

    assert features["country"][:4].fillna("missing").tolist() == ["NA", "DE", "missing", "NA"]
    assert features["code"][:4].tolist() == ["007", "1e3", "x", "0"]
    assert features["weight"][:4].fillna(-1).tolist() == [1.0, -1.0, -1.0, 2.5]
    assert features["fragile"][:4].tolist() == [1.0, 0.0, 1.0, 0.0]
