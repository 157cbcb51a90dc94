"""Files as all sorts of programs write them: read as they are meant, or refused in one sentence."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.errors import UserError
from ml.files import matching, read_table, write_table
from ml.mining import mine

LARGE = 10**18  # past 2^53, where floats skip whole numbers


def parquet(path: Path, **columns: object) -> Path:
    """Without pandas' notes, as Spark and DuckDB write it."""
    pq.write_table(pa.table(columns), path)
    return path


def csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_whole_numbers_beside_a_missing_one_keep_their_digits(tmp_path: Path) -> None:
    ids = [None, *(LARGE + n for n in range(5))]
    frame = read_table(parquet(tmp_path / "ids.parquet", id=ids))
    assert frame["id"].dropna().tolist() == ids[1:]


def test_what_pandas_made_an_index_is_a_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "n": [1, 2]})
    frame.set_index("id").to_parquet(tmp_path / "named.parquet")
    assert list(read_table(tmp_path / "named.parquet", ["id", "n"])["id"]) == ["a", "b"]
    frame.iloc[::-1].to_parquet(tmp_path / "numbered.parquet")
    assert list(read_table(tmp_path / "numbered.parquet").columns) == ["id", "n"]


def test_numbers_as_names_of_columns_are_names(tmp_path: Path) -> None:
    pd.DataFrame({0: ["a", "b"], 1: [1, 2]}).to_parquet(tmp_path / "x.parquet")
    assert list(read_table(tmp_path / "x.parquet", ["0"])["0"]) == ["a", "b"]


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["y", "y"])
    pq.write_table(twice, tmp_path / "y.parquet")
    for path in (tmp_path / "y.parquet", csv(tmp_path / "y.csv", "x,y,y\n1,2,3\n")):
        with pytest.raises(UserError, match="names the column y twice"):
            read_table(path)


@pytest.mark.parametrize("columns", [None, ["x"]])
def test_more_fields_than_names_are_refused(tmp_path: Path, columns: list[str] | None) -> None:
    """As R writes row names: nobody can say which field is whose."""
    path = csv(tmp_path / "r.csv", '"x","y"\n"1",2.04,1\n"2",2.5,0\n')
    with pytest.raises(UserError, match="more fields in a row than the 2 names"):
        read_table(path, columns)


def test_a_comma_at_the_end_of_lines_is_no_field(tmp_path: Path) -> None:
    frame = read_table(csv(tmp_path / "a.csv", "x,y\n1,2,\n3,4,\n"))
    assert frame.to_dict("list") == {"x": ["1", "3"], "y": ["2", "4"]}


def test_an_empty_line_of_the_only_column_is_a_row(tmp_path: Path) -> None:
    assert read_table(csv(tmp_path / "a.csv", "x\n1\n\n3\n"))["x"].isna().tolist() == [False, True, False]
    assert len(read_table(csv(tmp_path / "b.csv", "x,y\n1,2\n\n3,4\n"))) == 2


def test_endings_may_be_in_capitals(tmp_path: Path) -> None:
    assert len(read_table(parquet(tmp_path / "X.PARQUET", a=[1, 2]))) == 2
    with gzip.open(tmp_path / "Y.CSV.GZ", "wt") as file:
        file.write("a\n1\n")
    assert list(read_table(tmp_path / "Y.CSV.GZ")["a"]) == ["1"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be written .*director"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "none" / "x.csv")


def test_conditions_on_moments_and_truths(tmp_path: Path) -> None:
    at = pd.to_datetime(["2024-01-01T12:00Z", "2024-01-03T00:00Z"])
    frame = read_table(parquet(tmp_path / "t.parquet", t=at, f=np.array([True, False])))
    assert len(matching(frame, ["t > 2024-01-02"])) == 1
    assert len(matching(frame, ["t = 2024-01-03T01:00:00+01:00"])) == 1
    assert matching(frame, ["f = true"])["f"].tolist() == [True]
    assert matching(frame, ["f != TRUE"])["f"].tolist() == [False]


def test_items_of_rules_are_whole_and_single(tmp_path: Path) -> None:
    baskets = [*(LARGE + n // 2 for n in range(20)), None]
    path = parquet(tmp_path / "b.parquet", basket=baskets, item=[*([22423, 85123] * 10), None])
    found = mine(path, "basket", "item", 0.5, 0.5)
    assert found.baskets == 10
    assert sorted(rule.antecedent for rule in found.rules) == [["22423"], ["85123"]]
    listed = parquet(tmp_path / "l.parquet", basket=[1, 2], item=[["a"], ["b"]])
    with pytest.raises(UserError, match=r"Column item of .* holds lists"):
        mine(listed, "basket", "item", 0.5, 0.5)
