"""The table of SQL functions: complete, documented and in step with the models."""

import inspect
import subprocess
import sys

import pytest

from lakehouse.settings import ROOT
from lakehouse.warehouse import quoted
from ml import catalog, kernel
from ml.estimators.segments import ValueClusters
from ml.features import FEATURES
from ml.functions import FUNCTIONS, Function
from ml.tasks import TASKS


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_every_function_and_argument_is_described(function: Function) -> None:
    assert function.model in FEATURES
    assert function.comment.endswith(".")
    for argument in function.arguments:
        assert argument.comment
        assert f"{argument.name} {argument.type} comment '{argument.comment}'" in function.ddl()


def test_every_function_is_in_the_docs_with_its_arguments() -> None:
    docs = (ROOT / "docs" / "models.md").read_text()
    for function in FUNCTIONS:
        arguments = ", ".join(f"`{argument.name}`" for argument in function.arguments)
        assert f"| `ml.{function.name}` | {arguments} ({function.arguments[0].type}) |" in docs


def test_every_model_can_be_trained_and_called() -> None:
    assert set(FEATURES) == set(TASKS) == {function.model for function in FUNCTIONS}


def test_the_champion_is_looked_up_by_each_query() -> None:
    ddl = FUNCTIONS[0].ddl()
    assert "(select version from ml.champion where name = 'customer_segment')" in ddl
    assert "array(recency_days, order_count, revenue)" in ddl


def test_the_kernel_returns_what_it_declares() -> None:
    for returns, kind in ((kernel.RETURNS, kernel.SCORE_TYPE), (kernel.EXPLAINS, kernel.EXPLAIN_TYPE)):
        declared = returns.replace("array<string>", "list<item: string>").split(", ")
        assert [f"{field.name} {field.type}" for field in kind] == declared


def test_text_is_quoted_for_sql() -> None:
    assert quoted("it's a \\") == r"'it\'s a \\'"


def test_the_champion_view_has_columns_before_it_has_rows() -> None:
    assert catalog.values({}) == "select string(null) as name, string(null) as version where false"
    assert "('a', 'v2'), ('b', 'v1')" in catalog.values({"b": "v1", "a": "v2"})


def test_money_is_the_last_feature_of_the_value_clusters() -> None:
    assert "last column must be the money" in inspect.getdoc(ValueClusters)
    assert FEATURES["customer_segment"][-1].name == "revenue"


def test_workers_import_nothing_heavy() -> None:
    heavy = "{'sklearn', 'scipy', 'httpx', 'pydantic', 'pyhive'}"
    code = f"import sys, ml.kernel; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
