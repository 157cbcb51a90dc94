"""JSON events -> Arrow columns of the contracts' types.

Arrow's own reader parses a whole batch at once, in some ten microseconds an event.
"""

import io
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from ingestion.arrow_types import arrow_type, read_type

MOST_DIGITS = 16


class Reader:
    """Reads the columns of `spark_types`, name -> Spark type; what else an event holds is left out."""

    def __init__(self, spark_types: dict[str, str]) -> None:
        kinds = {name: arrow_type(spark_type) for name, spark_type in spark_types.items()}
        self.schema = pa.schema(list(kinds.items()))
        self._options = pj.ParseOptions(
            explicit_schema=pa.schema([(name, read_type(kind)) for name, kind in kinds.items()]),
            unexpected_field_behavior="ignore",
        )
        self._scalars = [name for name, kind in kinds.items() if not pa.types.is_nested(kind)]

    def read(self, texts: Sequence[bytes]) -> tuple[pa.Table, list[int]]:
        """A row a text, and the places of those that do not fit their columns; of these, what fits.

        Texts should be JSON objects. Numbers are rounded half up to the digits of their column.
        """
        parts = list(self._parts(texts))
        ends = accumulate(len(part) for part, _ in parts)
        misfits = [end - 1 for end, (_, fits) in zip(ends, parts, strict=True) if not fits]
        return pa.concat_tables([part for part, _ in parts]), misfits

    def _parts(self, texts: Sequence[bytes]) -> Iterator[tuple[pa.Table, bool]]:
        """Tables that together have a row a text. A text that spoils its batch is looked for by halving."""
        table = self._table(texts)
        if table is not None:
            yield table, True
        elif len(texts) > 1:
            middle = len(texts) // 2
            yield from self._parts(texts[:middle])
            yield from self._parts(texts[middle:])
        else:
            yield self._one(texts[0])

    def _one(self, text: bytes) -> tuple[pa.Table, bool]:
        """A text that Arrow does not read as it came."""
        try:
            event = orjson.loads(text)
        except orjson.JSONDecodeError:
            event = None
        event = event if isinstance(event, dict) else {}
        # A name that comes twice is once in what was loaded: the last one, as the validator saw it.
        whole = self._table([orjson.dumps(rounded(event))])
        if whole is not None:
            return whole, bool(event)
        kept: dict[str, Any] = {}
        for name in self._scalars:
            if name in event and self._table([orjson.dumps({name: event[name]})]) is not None:
                kept[name] = event[name]
        table = self._table([orjson.dumps(kept)])
        assert table is not None
        return table, False

    def _table(self, texts: Sequence[bytes]) -> pa.Table | None:
        """All of them, or None where one is not of the types or is not one object."""
        # Arrow's reader ends the process where a batch begins with null, and takes text that is not UTF-8.
        if not all(text.startswith(b"{") for text in texts):
            return None
        joined = b"\n".join(texts)
        # One block: Arrow would look for its end line by line. Threads there are as many as tasks.
        how = pj.ReadOptions(use_threads=False, block_size=len(joined) + 1)
        try:
            joined.decode()
            found = pj.read_json(io.BytesIO(joined), read_options=how, parse_options=self._options)
            columns = [finished(found[field.name].combine_chunks(), field.type) for field in self.schema]
        except (pa.ArrowInvalid, UnicodeDecodeError):
            return None
        return pa.table(columns, schema=self.schema) if len(found) == len(texts) else None


def rounded(value: Any) -> Any:
    """With no more digits after the point than Arrow reads into a decimal."""
    if isinstance(value, dict):
        return {name: rounded(child) for name, child in value.items()}
    if isinstance(value, list):
        return [rounded(child) for child in value]
    return round(value, MOST_DIGITS) if isinstance(value, float) else value


def finished(values: Any, kind: pa.DataType) -> Any:
    """The values as `kind`, from what `read_type` made of it. ArrowInvalid where a day is none."""
    if values.type == kind:
        return values
    if values.null_count == len(values):
        return pa.nulls(len(values), kind)
    if pa.types.is_list(kind):
        inside = finished(values.values, kind.value_type)
        return pa.ListArray.from_arrays(values.offsets, inside, mask=values.is_null())
    if pa.types.is_struct(kind):
        fields = [finished(values.field(place), field.type) for place, field in enumerate(kind)]
        return pa.StructArray.from_arrays(fields, fields=list(kind), mask=values.is_null())
    if pa.types.is_decimal(kind):
        values = pc.round(values, ndigits=kind.scale, round_mode="half_towards_infinity")
    return values.cast(kind)
