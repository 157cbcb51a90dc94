"""SQL functions: one row of FUNCTIONS is one name that analysts may call.

The gateway alone publishes them.
"""

from dataclasses import dataclass
from typing import Any

from pyspark.sql.functions import arrow_udf  # type: ignore[attr-defined]

from lakehouse.settings import Settings
from lakehouse.warehouse import quoted
from ml import catalog, kernel
from ml.features import FEATURES, Feature


@dataclass(frozen=True)
class Function:
    """A permanent SQL function in front of a model; its arguments are the model's features."""

    name: str
    model: str
    returns: str
    field: str  # of the kernel's struct; without one the struct itself
    comment: str
    kernel: str = kernel.NAME

    @property
    def arguments(self) -> tuple[Feature, ...]:
        return FEATURES[self.model]

    def ddl(self) -> str:
        """The statement that creates it. The champion is looked up by each query, so a promotion
        reaches every open session."""
        given = ", ".join(feature.name for feature in self.arguments)
        if self.arguments[0].type != "STRING":
            given = f"array({given})"
        arguments = ",\n    ".join(
            f"{feature.name} {feature.type} comment {quoted(feature.comment)}" for feature in self.arguments
        )
        return f"""
create or replace function ml.{self.name}(
    {arguments}
)
returns {self.returns}
comment {quoted(self.comment)}
return {self.kernel}(
    {quoted(self.model)},
    (select version from {catalog.CHAMPION} where name = {quoted(self.model)}),
    {given}
){"." * bool(self.field)}{self.field}"""


# Pure SQL: the rows were made when the model was trained.
RECOMMEND = f"""
create or replace function ml.recommend(
    source STRING comment 'Shop or feed of the customer',
    customer_id STRING comment 'Customer'
)
returns ARRAY<STRUCT<rank: INT, product_id: STRING, score: DOUBLE, reason: STRING>>
comment 'Up to ten products that a customer has not bought and may want, the best first, with reasons, by the
 champion of model recommendations. Empty for whom it does not know, or when no version is promoted yet.'
return (
    select array_sort(collect_list(struct(offers.rank, offers.product_id, offers.score, offers.reason)))
    from ml.recommendations as offers
    where offers.source = recommend.source
    and offers.customer_id = recommend.customer_id
    and offers.version = (select version from {catalog.CHAMPION} where name = 'recommendations')
)"""
EXPLAINED = "STRUCT<score: DOUBLE, band: STRING, reasons: ARRAY<STRING>, version: STRING>"
SENTIMENT = "by the champion of model sentiment. NULL when the text is NULL or no version is promoted yet."


def propensity(
    name: str, meaning: str, reasons: str = "the three strongest reasons"
) -> tuple[Function, Function]:
    """A model of a number as two functions: the number, and it with band, reasons and version."""
    when = f"by the champion of model {name}. NULL when an argument that must be there is NULL or NaN,"
    end = f"{when} or no version is promoted yet."
    return (
        Function(name, name, "DOUBLE", "score", f"{meaning}, {end}"),
        Function(
            name=f"{name}_explained",
            model=name,
            returns=EXPLAINED,
            field="",
            comment=f"{meaning}, its band (high is the top tenth of the training), {reasons}"
            f" and the model's version, {end}",
            kernel=kernel.EXPLAIN,
        ),
    )


# Configuration of the gateway's workers: forked from a warm parent, one thread for each.
WORKER_CONF = {"spark.python.daemon.module": "ml.daemon", "spark.executorEnv.OMP_NUM_THREADS": "1"}

FUNCTIONS = (
    Function(
        name="customer_segment",
        model="customer_segment",
        returns="STRING",
        field="label",
        comment="Value cluster of a customer, such as 'High value', by the champion of model"
        " customer_segment. NULL when an argument is NULL or NaN, or no version is promoted yet.",
    ),
    *propensity(
        "purchase_probability",
        "Probability from 0 to 1 that a customer orders within the next 7 days",
    ),
    *propensity(
        "churn_probability",
        "Probability from 0 to 1 that a customer orders nothing within the next 90 days",
    ),
    *propensity(
        "cart_conversion_probability",
        "Probability from 0 to 1 that a cart, not bought yet, is bought within a day",
    ),
    *propensity(
        "lifetime_value",
        "Money to expect of a customer in the next 90 days",
        "what it is made of",
    ),
    Function(
        name="sentiment",
        model="sentiment",
        returns="STRING",
        field="label",
        comment=f"How a text speaks: 'negative', 'neutral' or 'positive', {SENTIMENT}",
    ),
    Function(
        name="sentiment_score",
        model="sentiment",
        returns="DOUBLE",
        field="score",
        comment=f"How a text speaks, from -1, surely negative, to 1, surely positive, {SENTIMENT}",
    ),
    Function(
        name="sentiment_explained",
        model="sentiment",
        returns=EXPLAINED,
        field="",
        comment="How a text speaks: score, label, the three strongest words and the model's version,"
        f" {SENTIMENT}",
        kernel=kernel.EXPLAIN,
    ),
)


def publish_kernels(spark: Any, settings: Settings) -> None:
    """Give every session opened from now on the Arrow kernels. Call once, before any door opens.

    Spark keeps a Python function private to the session that registers it. Its builder is copied
    to the built-in functions, which later sessions inherit and permanent views may use.
    """
    private = spark.newSession()  # where the name is registered it hides the built-in one
    kernels = {
        kernel.NAME: arrow_udf(kernel.make_kernel(settings.webhdfs), kernel.RETURNS),
        kernel.EXPLAIN: arrow_udf(kernel.make_explain_kernel(settings.webhdfs), kernel.EXPLAINS),
    }
    jvm = spark._jvm
    registered = private._jsparkSession.sessionState().functionRegistry()
    builtin = jvm.org.apache.spark.sql.catalyst.analysis.FunctionRegistry.builtin()

    def identifier(name: str, schema: str) -> Any:
        parts = (name, jvm.scala.Some(schema), jvm.scala.Some("system"))
        return jvm.org.apache.spark.sql.catalyst.FunctionIdentifier(*parts)

    for name, function in kernels.items():
        private.udf.register(name, function)
        entry = registered.lookupFunctionEntry(identifier(name, "session")).get()
        builtin.registerFunction(identifier(name, "builtin"), entry._1(), entry._2())


def create_functions(spark: Any) -> None:
    """Create schema ml, the champion view and the SQL functions. Call at start, before any door
    opens: a session that has used a function keeps the definition it saw."""
    session = spark.newSession()  # the first one that knows the kernel
    session.sql("create schema if not exists ml")
    session.sql(catalog.create_champion())
    for function in FUNCTIONS:
        session.sql(function.ddl())
    session.sql(RECOMMEND)


def warm_up(spark: Any) -> None:
    """Start the workers' parent, so that the first user need not wait for its imports."""
    nothing = f"{kernel.NAME}('', string(null), array(0D))"  # no version: no model is read
    spark.newSession().sql(f"select {nothing}").collect()
