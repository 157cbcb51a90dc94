"""Lifetime value on the running gateway: trained, and equal to the Python model from SQL."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lakehouse.settings import Settings
from lakehouse.warehouse import execute
from ml import catalog, features
from ml.features import names
from ml.registry import hdfs_registry
from ml.train import train

pytestmark = pytest.mark.engine


def test_a_lifetime_value_is_trained_on_labels_of_later_and_equals_the_python_model(
    stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = stack.settings
    name, before = "lifetime_value", catalog.champions(settings)
    keys = "'shop' as source, string(id) as customer_id, date'2020-01-31' as as_of_date"
    rows = """
        select id, int(tenure * pmod(id * 31, 97) / 97) as recency_days, int(tenure) as tenure_days,
            int(1 + least(tenure, pmod(id * 7, 23))) as order_day_count,
            cast(1 + pmod(id * 13, 500) as decimal(28, 4)) as revenue
        from (select id, pmod(id * 17, 400) as tenure from range(600))
    """
    stack.query("create schema if not exists value_test")
    monkeypatch.setattr(features, "CUSTOMER_FEATURES", "value_test.features")
    monkeypatch.setattr(features, "CUSTOMER_LABELS", "value_test.labels")
    try:
        stack.query(f"""create table value_test.features using delta as
            select {keys}, * except (id), cast(revenue / 2 as decimal(28, 4)) as revenue_90d from ({rows})""")
        stack.query(f"""create table value_test.labels using delta as
            select {keys}, cast(id % 90 as decimal(28, 4)) as revenue_next_90_days from ({rows})""")
        made = train(name, settings)
        assert (made.is_promoted, made.row_count) == (True, 600)
        assert made.metrics["actual"] == sum(n % 90 for n in range(600))
        assert made.metrics["relative_mae: last days again"] > 0
        given = ", ".join(names(name))
        found = pd.DataFrame(
            stack.query(f"""select {given}, ml.{name}({given}) as value, answer.score, answer.version,
                answer.band, size(answer.reasons) as reasons
                from (select *, ml.{name}_explained({given}) as answer from value_test.features)""")
        )
        model = hdfs_registry(settings.webhdfs).load(name, made.version, names(name))
        matrix = found[list(names(name))].to_numpy(dtype=float)
        np.testing.assert_allclose(found["value"], model.scorer.score(matrix)[0], rtol=1e-9)
        assert (found["value"] == found["score"]).all()
        assert set(found["version"]) == {made.version}
        assert set(found["band"]) == {"low", "medium", "high"}
        assert set(found["reasons"]) == {3}
    finally:
        execute(f"alter view ml.champion as {catalog.values(before)}", settings)
        stack.query("drop schema value_test cascade")
