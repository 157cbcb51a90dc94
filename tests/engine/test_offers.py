"""Rules and recommendations: mined from orders, served by version, asked from SQL."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lakehouse.errors import UserError
from ml import catalog, offers, versions
from ml.train import train

pytestmark = pytest.mark.engine

# 300 customers of two tastes buy four of their taste's six products in one order, a part of them one more
# later; and everybody's orders hold bread and butter together or neither.
LINES = """
    with orders as (
        select id as customer, concat('o', id) as order_id, id % 2 as taste, date'2024-01-10' as day
        from range(300)
        union all
        select id, concat('p', id), id % 2, date'2024-03-20' from range(0, 300)
    ),
    chosen as (
        select *, explode(
            if(order_id like 'o%', array(0, 1, 2, 3), array(4 + int(customer / 2) % 2))
        ) as place from orders
    )
    select 'offers' as source, order_id, string(customer) as customer_id, day as occurred_date,
        concat(if(taste = 0, 'tea', 'coffee'), (place + int(customer / 2)) % 6) as product_id,
        true as is_sale, true as is_product, false as has_future_date
    from chosen
    union all
    select 'offers', order_id, string(customer), day, explode(array('bread', 'butter')),
        true, true, false
    from orders where customer % 3 = 0
"""


@pytest.fixture(scope="module")
def lines(stack: Any) -> Iterator[str]:
    stack.query("create schema if not exists offers_test")
    stack.query(f"create table offers_test.lines using delta as {LINES}")
    before = catalog.champions(stack.settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offers, "LINES", "offers_test.lines")
        yield "offers_test.lines"
    rest = catalog.values({k: v for k, v in before.items() if k not in catalog.OFFERS})
    stack.query(f"alter view ml.champion as {rest}")
    stack.query("drop schema offers_test cascade")


@pytest.mark.usefixtures("lines")
def test_what_goes_together_is_a_rule(stack: Any) -> None:
    found = train("association_rules", stack.settings)
    assert found.is_promoted
    rows = stack.query(
        f"select * from ml.association_rules where version = '{found.version}'"
        " and antecedent = array('bread') and consequent = array('butter')"
    )
    (rule,) = rows
    # a third of all 600 orders hold both, and none only one
    assert (rule["basket_count"], rule["confidence"], rule["conviction"]) == (200, 1.0, None)
    assert rule["support"] == pytest.approx(1 / 3)
    assert rule["lift"] == pytest.approx(3)


@pytest.mark.usefixtures("lines")
def test_recommendations_are_new_to_the_customer_and_of_their_taste(stack: Any) -> None:
    found = train("recommendations", stack.settings)
    best = found.metrics["ndcg_at_10, item neighbours: offers"]
    assert best > found.metrics["ndcg_at_10, popularity: offers"]
    (row,) = stack.query(
        "select ml.recommend('offers', '1') as a, ml.recommend(customer_id => '2', source => 'offers') as b,"
        " ml.recommend('offers', 'nobody') as nobody, ml.recommend('elsewhere', '1') as elsewhere"
    )
    bought = stack.query(
        "select customer_id, product_id from offers_test.lines where customer_id in ('1', '2')"
    )
    for answer, customer, taste in (("a", "1", "coffee"), ("b", "2", "tea")):
        offered = [offer["product_id"] for offer in stack_json(row[answer])]
        assert offered[0].startswith(taste)
        assert not set(offered) & {r["product_id"] for r in bought if r["customer_id"] == customer}
    assert stack_json(row["nobody"]) == stack_json(row["elsewhere"]) == []


def stack_json(value: Any) -> Any:
    """Thrift gives arrays of structs as their JSON."""
    return json.loads(value) if isinstance(value, str) else value


@pytest.mark.usefixtures("lines")
def test_the_same_orders_give_no_new_version_and_a_rollback_goes_back(stack: Any) -> None:
    first = train("recommendations", stack.settings)
    assert train("recommendations", stack.settings).decision == "nothing new to learn"
    stack.query(
        "insert into offers_test.lines"
        " select source, 'late', customer_id, occurred_date, 'cocoa', true, true, false"
        " from offers_test.lines where customer_id < '2' limit 100"
    )
    second = train("recommendations", stack.settings)
    assert (second.champion, second.is_promoted) == (second.version, True)
    assert versions.rollback("recommendations", "a test", stack.settings).version == first.version
    assert catalog.champions(stack.settings)["recommendations"] == first.version
    assert versions.card("recommendations", second.version, stack.settings)["serves"] is False
    with pytest.raises(UserError, match="recommendations has no version v77; it has v"):
        versions.promote("recommendations", "v77", "", stack.settings)


def test_orders_that_give_nothing_are_one_sentence(stack: Any, lines: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offers, "LEAST_CUSTOMERS", 10_000)
        with pytest.raises(UserError, match=f"{lines} gives no recommendations: too few orders"):
            train("recommendations", stack.settings)
