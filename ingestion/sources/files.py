"""Rows of csv, parquet, xlsx and jsonl files, and lines of text, in file order, with faults in one sentence.

What precedes a fault is yielded before the error is raised.
"""

import csv
import gzip
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl.utils.exceptions import InvalidFileException

from ingestion.sources import lines
from lakehouse.errors import UserError

Row = lines.Row
BATCH = 2_000
NO_ALIASES: Mapping[str, str] = {}


def read(path: Path, names: Sequence[str], aliases: Mapping[str, str] = NO_ALIASES) -> Iterator[list[Row]]:
    """Batches of rows, each row's values in the order of `names`; `aliases` are other spellings."""
    readers = {
        ".csv": _csv,
        ".csv.gz": _csv,
        ".parquet": _parquet,
        ".xlsx": _xlsx,
        ".jsonl": lines.jsonl,
        ".jsonl.gz": lines.jsonl,
    }
    yield from _in_batches(path, readers[extension(path, readers)](path, names, aliases))


def read_lines(path: Path) -> Iterator[list[Row]]:
    """Batches of (number, text) of the lines that are not empty."""
    yield from _in_batches(path, lines.numbered(path))


def extension(path: Path, allowed: Sequence[str] | Mapping[str, Any]) -> str:
    """The file's extension, one of those allowed; UserError where it or the file is not there."""
    found = next((kind for kind in allowed if path.name.lower().endswith(kind)), None)
    if found is None:
        raise UserError(f"{path} is none of {', '.join(allowed)}; give a file of one of these kinds.")
    if not path.is_file():
        raise UserError(f"{path} does not exist or is not a file; check the path.")
    return found


def count(path: Path) -> int | None:
    """Number of records, where the format says it without reading them."""
    try:
        return int(pq.read_metadata(path).num_rows) if path.suffix == ".parquet" else None
    except (OSError, pa.ArrowException):
        return None  # reading it will say what is wrong


def _in_batches(path: Path, rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    fault: UserError | None = None
    try:
        for row in rows:
            batch.append(row)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except UserError as error:
        fault = error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        fault = UserError(f"{path} is truncated or damaged ({error}); fetch the file again.")
    except (pa.ArrowException, zipfile.BadZipFile, InvalidFileException, ParseError, KeyError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        fault = UserError(f"{path} cannot be read ({reason}); fetch or write the file again.")
    except OSError as error:
        fault = UserError(f"{path} cannot be read ({error.strerror or error}); check the file.")
    if batch:
        yield batch
    if fault is not None:
        raise fault from None


def _csv(path: Path, names: Sequence[str], aliases: Mapping[str, str]) -> Iterator[Row]:
    with lines.opened(path) as handle:
        reader = csv.reader(lines.decoded(path, handle), strict=True)
        try:
            header = next(reader, [])
            pick = itemgetter(*_places(path, header, names, aliases))
            for row in reader:
                if len(row) != len(header):
                    if not row:
                        continue  # an empty line, most often the last one
                    raise UserError(
                        f"{path}, line {reader.line_num}: {len(row)} fields instead of {len(header)}; "
                        "mend the line."
                    )
                yield pick(row)
        except csv.Error as error:
            raise UserError(f"{path}, line {reader.line_num}: not CSV ({error}); mend the line.") from None


def _parquet(path: Path, names: Sequence[str], aliases: Mapping[str, str]) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        published = file.schema_arrow.names
        columns = [published[place] for place in _places(path, published, names, aliases)]
        for batch in file.iter_batches(batch_size=BATCH, columns=columns):
            yield from zip(*(_values(batch.column(name)) for name in columns), strict=True)


def _values(column: Any) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us"), safe=False).cast(pa.string())  # as objects they are slow
    values: list[Any] = column.to_pylist()
    return values


def _xlsx(path: Path, names: Sequence[str], aliases: Mapping[str, str]) -> Iterator[Row]:
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # some writers declare a wrong size
        rows = sheet.iter_rows(values_only=True)
        header = [str(cell or "") for cell in next(rows, ())]
        if not any(header):
            continue  # an empty sheet
        pick = itemgetter(*_places(path, header, names, aliases))
        for number, row in enumerate(rows, 2):
            if any(cell is not None for cell in row[len(header) :]):
                raise UserError(
                    f"{path}, sheet {sheet.title}, row {number}: more cells than the header; mend the row."
                )
            if any(cell is not None for cell in row):
                yield pick((*row, *[None] * (len(header) - len(row))))
    book.close()


def _places(path: Path, header: Sequence[str], names: Sequence[str], aliases: Mapping[str, str]) -> list[int]:
    """Where in the header each name stands."""
    known = {aliases.get(name.strip(), name.strip()): place for place, name in enumerate(header)}
    if missing := [name for name in names if name not in known]:
        raise UserError(
            f"{path} has no column {', '.join(missing)}; it needs {', '.join(names)} in its first row."
        )
    return [known[name] for name in names]
