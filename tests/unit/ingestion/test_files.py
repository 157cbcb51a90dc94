"""Rows of published files, and one clear sentence for each fault."""

import gzip
import random
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.sources import files
from lakehouse.errors import UserError

NAMES = ("id", "name")


def rows(path: Path, names: tuple[str, ...] = NAMES) -> list[Any]:
    return [row for batch in files.read(path, names) for row in batch]


def rows_before_fault(path: Path, sentence: str) -> list[Any]:
    """What is read before the fault, whose sentence must match."""
    read: list[Any] = []

    def read_all() -> None:
        for batch in files.read(path, NAMES):
            read.extend(batch)

    with pytest.raises(UserError, match=sentence) as error:
        read_all()
    assert str(path) in str(error.value)
    return read


def write(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "A.CSV"])
def test_csv_columns_are_found_by_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, '\ufeffname, id ,more\n"x, ""y""\nz",1,!\n\nw,2,!\n\n')
    assert rows(path) == [("1", 'x, "y"\nz'), ("2", "w")]


def test_parquet_columns_are_found_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"name": ["x", None], "id": [1, 2], "more": [1, 1]}), tmp_path / "a.parquet")
    assert rows(tmp_path / "a.parquet") == [(1, "x"), (2, None)]


def test_every_sheet_of_a_workbook_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("Year 2")):
        sheet.append(["name", "id"])
        sheet.append(["x", 1])
        sheet.append([None, None])
        sheet.append(["y"])
    book.create_sheet("Empty")
    book.save(tmp_path / "a.xlsx")
    assert rows(tmp_path / "a.xlsx") == [(1, "x"), (None, "y")] * 2


def test_other_spellings_of_a_column_are_known(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Customer ID\n1\n")
    assert [row for batch in files.read(path, ("CustomerID", "CustomerID"), {"Customer ID": "CustomerID"})
            for row in batch] == [("1", "1")]  # fmt: skip


def test_a_large_file_comes_in_batches(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,name\n" + "1,x\n" * (files.BATCH + 1))
    assert [len(batch) for batch in files.read(path, NAMES)] == [files.BATCH, 1]


@pytest.mark.parametrize("name", ["a.json", "a", "a.csv.zip"])
def test_an_unknown_extension_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"is none of \.csv"):
        files.extension(write(tmp_path / name, ""), (".csv", ".csv.gz"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        files.extension(tmp_path / "a.csv", (".csv",))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(UserError, match="not a file"):
        files.extension(tmp_path / "a.csv", (".csv",))


@pytest.mark.parametrize("content", ["id,nom\n1,x\n", "", "\n", "\x00\x01\x02"])
def test_missing_columns_are_named(tmp_path: Path, content: str) -> None:
    assert rows_before_fault(write(tmp_path / "a.csv", content), "has no column (id, )?name") == []


def test_missing_columns_are_named_in_parquet_and_xlsx(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1]}), tmp_path / "a.parquet")
    rows_before_fault(tmp_path / "a.parquet", "has no column name")
    book = openpyxl.Workbook()
    book.active.append(["id"])
    book.save(tmp_path / "a.xlsx")
    rows_before_fault(tmp_path / "a.xlsx", "has no column name")


@pytest.mark.parametrize(("line", "count"), [("3", 1), ("3,z,z", 3)])
def test_a_wrong_number_of_fields_names_the_line(tmp_path: Path, line: str, count: int) -> None:
    path = write(tmp_path / "a.csv", f'id,name\n1,"x\nx"\n2,y\n{line}\n4,w\n')
    before = rows_before_fault(path, f"line 5: {count} fields instead of 2")
    assert before == [("1", "x\nx"), ("2", "y")]


def test_bytes_that_are_not_utf8_are_named_by_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"id,name\n1,x\n2,\xa3y\n")
    assert rows_before_fault(path, "not UTF-8 at byte 14 in line 3; convert it.*iconv") == [("1", "x")]


def test_a_truncated_gzip_gives_what_precedes_the_fault(tmp_path: Path) -> None:
    noise = random.Random(1)
    whole = gzip.compress(("id,name\n" + "".join(f"{noise.random()},x\n" for _ in range(9_000))).encode())
    path = tmp_path / "a.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    assert len(rows_before_fault(path, "is truncated or damaged")) > files.BATCH


@pytest.mark.parametrize("content", [b"\x1f\x8b", b"plain text", b""])
def test_what_is_no_gzip_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(content)
    rows_before_fault(path, "is truncated or damaged|has no column")


@pytest.mark.parametrize(
    "content",
    ['id,name\n1,"x\n', 'id,name\n1,"x"y\n', "id,name\n1," + "x" * 200_000 + "\n", "id,name\r1,x\r"],
)
def test_what_is_no_csv_names_the_line(tmp_path: Path, content: str) -> None:
    rows_before_fault(write(tmp_path / "a.csv", content), r"line \d+: not CSV")


@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx"])
@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_a_broken_parquet_or_xlsx_is_said(tmp_path: Path, name: str, keep: float) -> None:
    path = tmp_path / name
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"id": range(100), "name": ["x"] * 100}), path)
    else:
        book = openpyxl.Workbook()
        book.active.append(["id", "name"])
        book.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if keep < 1 else int(keep)])
    rows_before_fault(path, "cannot be read")


def test_a_damaged_page_of_a_parquet_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": range(50_000), "name": [str(i) for i in range(50_000)]}), path)
    whole = bytearray(path.read_bytes())
    whole[20_000:120_000] = bytes(100_000)
    path.write_bytes(whole)
    rows_before_fault(path, "cannot be read")


def test_a_row_longer_than_the_header_names_the_row(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["id", "name"], [1, "x"], [2, "y", "z"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert rows_before_fault(tmp_path / "a.xlsx", "row 3: more cells") == [(1, "x")]


def test_only_parquet_tells_its_length_unread(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "a.parquet")
    assert files.count(tmp_path / "a.parquet") == 2
    assert files.count(write(tmp_path / "a.csv", "id\n1\n")) is None
    assert files.count(tmp_path / "missing.parquet") is None
