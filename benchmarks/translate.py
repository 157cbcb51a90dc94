"""Spark's SQL in DuckDB's dialect: sqlglot translates, and here is what it leaves in Spark's words."""

import sqlglot
from sqlglot import exp

# Functions that DuckDB lacks, as macros in its own words.
MACROS = (
    "make_dt_interval(d, h := 0, m := 0) as to_days(d) + to_hours(h) + to_minutes(m)",
    "timestamp_micros(n) as make_timestamp(n)",
    "get(list, place) as list[place + 1]",
    "find_in_set(text, names) as coalesce(list_position(string_split(names, ','), text), 0)",
)

UNITS = ("week", "month", "quarter", "year")


def translated(query: str) -> str:
    """One query."""
    (tree,) = sqlglot.parse(query, read="spark")
    if tree is None:
        raise ValueError("There is no query to translate.")
    for select in list(tree.find_all(exp.Select)):
        _take_fields(select)
        _take_rows(select)
    for change in (_unit, _of_days, _collected, _counted, _plain):
        tree = tree.transform(change)
    return tree.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE)  # hints


def _take_fields(select: exp.Select) -> None:
    """A field of a struct that the same SELECT has named: DuckDB would look for a table of that name."""
    named = {each.alias for each in select.expressions if isinstance(each, exp.Alias)}
    read = {table.alias_or_name for table in select.find_all(exp.Table)}
    for column in list(select.find_all(exp.Column)):
        if column.table in named - read and column.parent_select is select:
            of = exp.column(column.table)
            column.replace(exp.func("struct_extract", of, exp.Literal.string(column.name)))


def _take_rows(select: exp.Select) -> None:
    """`struct(*)` is a whole row, which goes by the name of its table."""
    for struct in list(select.find_all(exp.Struct)):
        table = select.find(exp.From)
        if table and struct.expressions == [exp.Star()] and struct.parent_select is select:
            struct.replace(exp.column(table.alias_or_name))


def _unit(node: exp.Expression) -> exp.Expression:
    """Whole units between two times; DuckDB's date_diff counts the boundaries that were crossed."""
    if isinstance(node, exp.TimestampDiff):
        return _date_sub(node.unit, node.expression, node.this)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "timediff":
        return _date_sub(*node.expressions)
    if isinstance(node, exp.DateTrunc) and node.unit.name.lower() not in UNITS:
        moment = exp.Anonymous(this="date_trunc", expressions=[exp.column(node.unit.name), node.this])
        return exp.cast(moment, "date")
    return node


def _date_sub(unit: exp.Expression, start: exp.Expression, end: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this="date_sub", expressions=[exp.Literal.string(unit.name), start, end])


def _of_days(node: exp.Expression) -> exp.Expression:
    """A sequence from one date to another is one of days; elsewhere a step is named or they are numbers."""
    if not isinstance(node, exp.GenerateSeries) or node.args.get("step"):
        return node
    if not node.args["start"].name.endswith("_date"):
        return node
    bounds = (exp.cast(node.args[name], "timestamp") for name in ("start", "end"))
    series = exp.func("generate_series", *bounds, exp.Interval(this="1", unit=exp.var("day")))
    return exp.cast(series, "date[]", dialect="duckdb")


def _collected(node: exp.Expression) -> exp.Expression:
    """A set of those rows for which a condition holds: sqlglot filters nulls by a second FILTER."""
    if isinstance(node, exp.Filter) and isinstance(node.this, exp.ArrayUniqueAgg):
        chosen = exp.If(this=node.expression.this, true=node.this.this)
        return exp.ArrayUniqueAgg(this=chosen)
    return node


def _counted(node: exp.Expression) -> exp.Expression:
    """The place of an element that a lambda is given; DuckDB counts from one."""
    if isinstance(node, exp.Lambda) and isinstance(node.parent, exp.ArrayFilter | exp.Transform):
        for place in node.expressions[1:]:
            for used in [each for each in node.this.find_all(exp.Identifier) if each.name == place.name]:
                used.replace(exp.paren(exp.Sub(this=used.copy(), expression=exp.Literal.number(1))))
    return node


def _plain(node: exp.Expression) -> exp.Expression:
    """Arguments that DuckDB has not, and rows out of a list of values."""
    if isinstance(node, exp.Mode):
        # of several alike the first in this order, as Spark's does by itself
        return exp.Mode(this=exp.Order(this=node.this, expressions=[exp.Ordered(this=node.this.copy())]))
    if isinstance(node, exp.Quantile):
        return exp.func("quantile_cont", node.this, node.args["quantile"])
    if isinstance(node, exp.Exists) and isinstance(node.expression, exp.Lambda):
        found = exp.Anonymous(this="list_filter", expressions=[node.this, node.expression])
        return exp.GT(this=exp.Anonymous(this="len", expressions=[found]), expression=exp.Literal.number(0))
    if isinstance(node, exp.Aliases):
        names, made = [name.name for name in node.expressions], node.this
        if isinstance(made, exp.Stack):
            return _unnested(made.expressions, names)
        if isinstance(made, exp.Explode) and isinstance(made.this, exp.VarMap):
            pairs = zip(made.this.args["keys"].expressions, made.this.args["values"].expressions, strict=True)
            return _unnested([each for pair in pairs for each in pair], names)
    return node


def _unnested(values: list[exp.Expression], names: list[str]) -> exp.Expression:
    """`stack(n, ...) as (names)`, or a map: a list of structs, of which each becomes a row."""
    width = len(names)
    rows = [values[place : place + width] for place in range(0, len(values), width)]
    structs = [
        exp.Struct(
            expressions=[
                exp.PropertyEQ(this=exp.to_identifier(name), expression=value)
                for name, value in zip(names, row, strict=True)
            ]
        )
        for row in rows
    ]
    recursive = exp.PropertyEQ(this=exp.to_identifier("recursive"), expression=exp.true())
    return exp.Anonymous(this="unnest", expressions=[exp.Array(expressions=structs), recursive])
