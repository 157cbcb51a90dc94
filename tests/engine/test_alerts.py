"""What is wrong in marts of the running lakehouse is told once: an odd day, a ledger that does not balance,
marts that are behind. Each of these is planted."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from lakehouse.alerts import watch
from lakehouse.settings import Settings
from tests.conftest import Stack
from tests.made import SHOP, order
from tests.unit.lakehouse.test_alerts import Webhook, served

pytestmark = pytest.mark.engine

# On the day before the last one, and on one that is history.
ODD_DAYS = f"""
    insert into intermediate.int_metrics_scored
        (source, subject, metric, kind, seen, expected, deviation,
        expected_low, expected_high, is_anomaly, activity_date)
    select
        source, 'planted', concat('planted_', days), 'count', 3, 50, -90,
        40, 60, true, date_sub(max(activity_date), days)
    from reports.rpt_anomalies lateral view explode(array(1, 60)) as days
    where source = '{SHOP}'
    group by source, days
"""


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield from served(Webhook())


@pytest.fixture(scope="module")
def settings(marts: Stack, webhook: Webhook, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Marts that know all that has landed, and everything told that was wrong before; as `up` watches, with
    a book of its own and no patience for old marts."""
    marts.publish([order("another-batch", source="z_alerts")])
    marts.wait_landed()
    marts.dbt("run", "--select", "+ledger_batches", target="local")
    chosen = marts.settings.replace(
        state=tmp_path_factory.mktemp("alerts"),
        alerts_webhook=SecretStr(f"http://127.0.0.1:{webhook.server_port}/"),
        alerts_marts_hours=0,
    )
    assert watch.look(chosen).problems == []
    return chosen


def told(settings: Settings, webhook: Webhook) -> list[dict[str, Any]]:
    """What one look sends."""
    webhook.posted.clear()
    result = watch.look(settings)
    assert result.problems == []
    return [alert for posted in webhook.posted for alert in posted["alerts"]]


def test_an_odd_day_is_told_once_and_history_never(
    marts: Stack, settings: Settings, webhook: Webhook
) -> None:
    marts.query(ODD_DAYS)
    try:
        (alert,) = told(settings, webhook)
        assert told(settings, webhook) == []
        planted = "select string(activity_date) as day from marts.fct_anomalies where metric = 'planted_1'"
        day = marts.query(planted)[0]["day"]
    finally:
        marts.query("delete from intermediate.int_metrics_scored where subject = 'planted'")
    assert alert["id"] == f"odd/{SHOP}/planted_1/{day}"
    assert (alert["severity"], alert["source"], alert["what"]) == ("critical", SHOP, "planted 1")
    assert (alert["seen"], alert["expected"], alert["since"]) == ("3", "40 to 60", day)
    assert "/superset/dashboard/data_trust/?native_filters=" in alert["board"]


def test_a_ledger_that_does_not_balance_is_told_once(
    marts: Stack, settings: Settings, webhook: Webhook
) -> None:
    assert told(settings, webhook) == []
    # Not the newest: what is booked up to it alone is judged.
    batches = "select *, string(landed_at) as at from ops.ledger_batches order by landed_at desc"
    one = f"{batches} limit 1 offset 1"
    (batch,) = marts.query(one)
    version = marts.query("describe history ops.ledger limit 1")[0]["version"]
    where = f"landed_at = timestamp'{batch['at']}'"
    marts.query(f"delete from ops.ledger where {where}")
    try:
        (alert,) = told(settings, webhook)
        assert told(settings, webhook) == []
    finally:
        marts.query(f"insert into ops.ledger select * from ops.ledger version as of {version} where {where}")
    assert alert["id"].startswith(f"ledger/{batch['batch_id']}/")
    assert alert["severity"] == "critical"
    assert alert["what"] == f"the ledger of batch {batch['batch_id']} does not balance"
    assert (alert["seen"], alert["expected"]) == (
        "0 records booked, 0 missing",
        f"{batch['read_count']:,} booked, none missing",
    )
    assert marts.query(one) == [batch]


def test_marts_that_are_behind_are_told_once_and_no_more_after_a_build(
    marts: Stack, settings: Settings, webhook: Webhook
) -> None:
    assert told(settings, webhook) == []
    marts.publish([order("after-the-build", source="z_alerts")])
    marts.wait_landed()
    (alert,) = told(settings, webhook)
    assert told(settings, webhook) == []
    assert alert["id"].startswith("marts/")
    assert (alert["severity"], alert["what"]) == ("warning", "marts are old: `dbt build` has not run")
    assert told(settings.replace(alerts_marts_hours=26), webhook) == []
    marts.dbt("run", "--select", "+ledger_batches", target="local")
    assert [found.id for found in watch.found(settings) if found.id.startswith("marts/")] == []
