"""SQL functions on the running gateway: from each door, in views, through promotions, equal to Python."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lakehouse.errors import UserError
from lakehouse.session import remote_session
from lakehouse.settings import Settings
from lakehouse.warehouse import connect, execute
from ml import catalog, features, versions
from ml.estimators.segments import ValueClusters
from ml.features import FEATURES, names
from ml.registry import Manifest, Registry, Training, hdfs_registry
from ml.train import train

pytestmark = pytest.mark.engine

MODEL = "customer_segment"
CALL = "ml.customer_segment(recency_days, order_count, revenue)"
ROWS = """
select id, double(id % 300) as recency_days, double(1 + id % 17) as order_count,
    double(3 * (id % 211)) as revenue
from range(5000)
"""


@pytest.fixture(scope="module")
def settings(stack: Any) -> Settings:
    found: Settings = stack.settings
    return found


@pytest.fixture(scope="module")
def registry(settings: Settings) -> Registry:
    return hdfs_registry(settings.webhdfs)


@pytest.fixture(scope="module")
def fitted() -> ValueClusters:
    random = np.random.default_rng(5)
    orders = 1 + random.gamma(1.5, 4, 900).round()
    columns = [random.exponential(90, 900).round(), orders, orders * random.lognormal(3, 1, 900)]
    return ValueClusters().fit(pd.DataFrame(dict(zip(names(MODEL), columns, strict=True))))


@pytest.fixture(scope="module")
def version(settings: Settings, registry: Registry, fitted: ValueClusters) -> Iterator[str]:
    """A version of our own as champion; the one before it serves again afterwards."""
    before = catalog.champions(settings)
    saved = save(registry, fitted.to_artefact())
    catalog.promote(MODEL, saved.version, settings)
    yield saved.version
    if MODEL in before:
        catalog.promote(MODEL, before[MODEL], settings)
    else:
        rest = catalog.values({k: v for k, v in before.items() if k != MODEL})
        execute(f"alter view ml.champion as {rest}", settings)


def save(registry: Registry, artefact: dict[str, Any]) -> Manifest:
    typed = tuple((feature.name, feature.type) for feature in FEATURES[MODEL])
    return registry.save(MODEL, artefact, typed, Training({}, 0, {}, {}))


@pytest.mark.usefixtures("version")
def test_it_equals_the_python_model_from_a_fresh_session(stack: Any, fitted: ValueClusters) -> None:
    rows = pd.DataFrame(stack.query(f"select *, {CALL} as label from ({ROWS})"))
    expected = fitted.predict(rows[list(names(MODEL))])
    assert (rows["label"] == expected).all()
    assert rows["label"].nunique() == fitted.n_clusters_


def test_its_distances_equal_those_of_the_python_model(
    stack: Any, fitted: ValueClusters, version: str
) -> None:
    arguments = f"'{MODEL}', '{version}', array(recency_days, order_count, revenue)"
    score = f"k_score({arguments}).score"
    rows = pd.DataFrame(stack.query(f"select *, {score} as score from ({ROWS})"))
    expected = fitted.transform(rows[list(names(MODEL))]).min(axis=1)
    np.testing.assert_allclose(rows["score"], expected, atol=1e-9, rtol=0)


@pytest.mark.usefixtures("version")
def test_it_works_in_a_permanent_view_and_in_a_table_made_by_a_query(stack: Any) -> None:
    stack.query("create schema if not exists functions_test")
    try:
        stack.query(f"create view functions_test.v as select id, {CALL} as label from ({ROWS})")
        stack.query("create table functions_test.t using delta as select * from functions_test.v")
        counts = "select label, count(*) as customers from functions_test.{} group by label"
        found = [sorted(map(str, stack.query(counts.format(name)))) for name in ("v", "t")]
        assert found[0] == found[1]
        assert len(found[0]) >= 3
    finally:
        stack.query("drop schema functions_test cascade")


@pytest.mark.usefixtures("version")
def test_it_works_from_spark_connect(settings: Settings, fitted: ValueClusters) -> None:
    spark = remote_session(settings)
    try:
        rows = spark.sql(f"select *, {CALL} as label from ({ROWS})").toPandas()
    finally:
        spark.stop()
    assert (rows["label"] == fitted.predict(rows[list(names(MODEL))])).all()


@pytest.mark.usefixtures("version")
def test_arguments_may_be_named_in_any_order(stack: Any) -> None:
    row = stack.query(
        "select ml.customer_segment(10, 5, 300) as by_place,"
        " ml.customer_segment(revenue => 300, recency_days => 10, order_count => 5) as by_name"
    )[0]
    assert row["by_place"] == row["by_name"] is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("recency_days => 1, order_count => 2", "parameter named `revenue` is required"),
        ("recency_days => 1, order_count => 2, money => 3", "argument named `money`"),
        ("1, 2", "requires 3 parameters but the actual number is 2"),
        ("1, 2, 3, 4", "requires 3 parameters but the actual number is 4"),
        ("date'2020-01-01', 2, 3", 'cannot cast "DATE" to "DOUBLE"'),
        ("array(1), 2, 3", 'cannot cast "ARRAY<INT>" to "DOUBLE"'),
    ],
)
def test_wrong_arguments_are_errors_before_anything_runs(stack: Any, arguments: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        # a view is analysed when it is made, and not run
        stack.query(f"create temporary view wrong as select ml.customer_segment({arguments})")
    assert message in str(error.value)


def test_text_that_is_no_number_is_an_error_and_never_a_label(stack: Any) -> None:
    with pytest.raises(UserError, match='\'many\' of the type "STRING" cannot be cast to "DOUBLE"'):
        stack.query("select ml.customer_segment('many', 2, 3)")


@pytest.mark.usefixtures("version")
def test_null_and_nan_give_null(stack: Any) -> None:
    row = stack.query(
        "select ml.customer_segment(null, 1, 1) as a, ml.customer_segment(1, double('nan'), 1) as b,"
        " ml.customer_segment(1, 1, double('infinity')) as c"
    )[0]
    assert row == {"a": None, "b": None, "c": None}


def test_without_a_champion_it_gives_null(stack: Any, settings: Settings, version: str) -> None:
    rest = {k: v for k, v in catalog.champions(settings).items() if k != MODEL}
    execute(f"alter view ml.champion as {catalog.values(rest)}", settings)
    try:
        assert stack.query("select ml.customer_segment(1, 1, 1) as label") == [{"label": None}]
    finally:
        catalog.promote(MODEL, version, settings)


def test_a_promotion_reaches_sessions_that_are_open(
    settings: Settings, registry: Registry, fitted: ValueClusters, version: str
) -> None:
    artefact = fitted.to_artefact()
    renamed = save(registry, {**artefact, "labels": [f"{x} again" for x in artefact["labels"]]})
    spark = remote_session(settings)
    with closing(connect(settings)) as connection, closing(connection.cursor()) as cursor:

        def labels() -> list[str]:
            cursor.execute("select ml.customer_segment(10, 5, 300)")
            found = spark.sql("select ml.customer_segment(10, 5, 300)").first()
            return [cursor.fetchone()[0], found[0]]

        before = labels()
        try:
            catalog.promote(MODEL, renamed.version, settings)
            assert labels() == [f"{label} again" for label in before]
        finally:
            catalog.promote(MODEL, version, settings)
        assert labels() == before
    spark.stop()


def test_a_rollback_is_one_step_and_on_record(
    stack: Any, settings: Settings, registry: Registry, fitted: ValueClusters, version: str
) -> None:
    second, third = (save(registry, fitted.to_artefact()).version for _ in range(2))
    try:
        for each in (version, second, third):
            if each != version:
                versions.promote(MODEL, each, "a test", settings)
            else:
                catalog.decide(
                    catalog.Decision(MODEL, each, None, "promoted", "a test", "training"), settings
                )
        with pytest.raises(UserError, match=f"{MODEL} {third} serves already"):
            versions.promote(MODEL, third, "", settings)
        for each in (second, version):
            stack.run("lakehouse", "models", "rollback", MODEL, "--why", "it's worse")
            assert catalog.champions(settings)[MODEL] == each
        last = versions.decisions(MODEL, settings)[-1]
        assert (last["action"], last["former_version"], last["why"]) == ("rolled back", second, "it's worse")
        card = json.loads(stack.run("lakehouse", "models", "show", MODEL, "--json").stdout)
        assert (card["version"], card["serves"]) == (version, True)
        assert card["decisions"][-1]["action"] == "rolled back"
    finally:
        catalog.promote(MODEL, version, settings)


@pytest.mark.parametrize("step", ["decide", "promote"])
def test_a_crash_leaves_no_switch_without_its_record(
    settings: Settings,
    registry: Registry,
    fitted: ValueClusters,
    version: str,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saved, before = save(registry, fitted.to_artefact()), len(versions.decisions(MODEL, settings))

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(catalog, step, crash)
    with pytest.raises(KeyboardInterrupt):
        versions.promote(MODEL, saved.version, "a test", settings)
    monkeypatch.undo()
    assert catalog.champions(settings)[MODEL] == version
    recorded = versions.decisions(MODEL, settings)[before:]
    assert [row["version"] for row in recorded] == ([] if step == "decide" else [saved.version])
    assert versions.served_before(recorded, version) != version


def test_a_version_that_is_refused_is_not_promoted(
    settings: Settings, registry: Registry, fitted: ValueClusters, version: str
) -> None:
    saved = save(registry, fitted.to_artefact())
    registry.store.write(f"{MODEL}/{saved.version}/model.json", b"{}")
    with pytest.raises(UserError, match=f"{saved.version} is refused"):
        versions.promote(MODEL, saved.version, "", settings)
    with pytest.raises(UserError, match="has no version v99999; it has v"):
        versions.promote(MODEL, "v99999", "", settings)
    assert catalog.champions(settings)[MODEL] == version


def test_a_version_that_was_tampered_with_does_not_serve(
    stack: Any, registry: Registry, fitted: ValueClusters
) -> None:
    saved = save(registry, fitted.to_artefact())
    registry.store.write(f"{MODEL}/{saved.version}/model.json", b"{}")
    with pytest.raises(UserError, match=f"{saved.version} is refused: model.json does not have the"):
        stack.query(f"select k_score('{MODEL}', '{saved.version}', array(1D, 2D, 3D))")


def test_it_describes_itself(stack: Any) -> None:
    lines = [next(iter(row.values())) for row in stack.query(f"describe function extended ml.{MODEL}")]
    text = "\n".join(lines)
    assert "'Days since the last order'" in text
    assert "Value cluster of a customer" in text
    assert any(line.startswith("Returns:") and line.endswith("STRING") for line in lines)


def test_training_makes_a_champion_and_the_same_features_make_no_other(
    stack: Any, settings: Settings, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.query("create schema if not exists training_test")
    monkeypatch.setattr(features, "CUSTOMER_FEATURES", "training_test.features")
    try:
        stack.query(f"""
            create table training_test.features using delta as
            select 'shop' as source, string(id) as customer_id, date'2020-01-31' as as_of_date,
                int(recency_days) as recency_days, bigint(order_count) as order_count,
                cast(revenue as decimal(18, 4)) as revenue
            from ({ROWS})
        """)
        first = train(MODEL, settings)
        assert (first.is_promoted, first.champion) == (True, first.version)
        assert (first.row_count, first.as_of) == (5000, {"shop": "2020-01-31"})
        row = stack.query(f"select * from ml.model_versions where version = '{first.version}'")[0]
        assert row["decision"] == first.decision
        assert row["row_count"] == 5000
        told = {(row["name"], row["version"]): row for row in versions.overview(settings)}
        assert told[MODEL, first.version]["serves"]
        assert versions.decisions(MODEL, settings)[-1]["version"] == first.version
        rows, verdict = versions.compare(MODEL, (version, first.version), settings)
        assert {row["metric"] for row in rows} >= {"silhouette", "davies_bouldin"}
        assert f"{first.version} holds against {version}" in verdict
        again = train(MODEL, settings)
        assert again.version == first.version
        assert again.decision == "nothing new to learn"
        with pytest.raises(UserError, match="has no rows up to 2019-12-31"):
            train(MODEL, settings, date(2019, 12, 31))
    finally:
        catalog.promote(MODEL, version, settings)
        stack.query("drop schema training_test cascade")
