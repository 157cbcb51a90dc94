"""Association rules: the same itemsets and metrics as mlxtend, on made and on published baskets."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.frequent_patterns import association_rules, fpgrowth
from mlxtend.preprocessing import TransactionEncoder

from lakehouse.cli import main
from lakehouse.errors import UserError
from ml.estimators.baskets import Baskets, baskets_of, frequent_itemsets, rules, smallest_count
from ml.mining import mine

BASKETS = st.lists(st.sets(st.sampled_from("abcdefg"), min_size=1), min_size=1, max_size=80)
METRICS = ("support", "confidence", "lift", "leverage", "conviction")


def long(baskets: list[set[str]]) -> Baskets:
    pairs = [(number, item) for number, basket in enumerate(baskets) for item in sorted(basket)]
    return baskets_of([number for number, _ in pairs], [item for _, item in pairs])


def table(baskets: list[set[str]]) -> pd.DataFrame:
    encoder = TransactionEncoder()
    return pd.DataFrame(encoder.fit_transform(baskets), columns=encoder.columns_)


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # of mlxtend's own metrics
@settings(max_examples=40, deadline=None)
@given(BASKETS, st.integers(1, 12), st.sampled_from([0.001, 0.2, 0.55, 1.0]))
def test_itemsets_and_metrics_are_those_of_mlxtend(
    baskets: list[set[str]], least: int, confidence: float
) -> None:
    support = (least - 0.5) / len(baskets)  # between two counts, where mlxtend cannot round
    if support > 1:
        return
    found = long(baskets)
    itemsets = frequent_itemsets(found, support)
    reference = fpgrowth(table(baskets), min_support=support, use_colnames=True)
    assert {
        frozenset(found.items[code] for code in itemset): count for itemset, count in itemsets.items()
    } == {
        itemset: round(share * len(baskets))
        for itemset, share in zip(reference["itemsets"], reference["support"], strict=True)
    }
    assert frequent_itemsets(found, support, method="fpgrowth") == itemsets
    expected = (
        association_rules(reference, metric="support", min_threshold=0) if len(reference) else reference
    )
    known = {
        (frozenset(row["antecedents"]), frozenset(row["consequents"])): row
        for row in expected.to_dict("records")
        if row["confidence"] >= confidence - 1e-12
    }
    ours = {(frozenset(r.antecedent), frozenset(r.consequent)): r for r in rules(found, itemsets, confidence)}
    assert set(ours) == set(known)
    for key, rule in ours.items():
        for metric in METRICS:
            value = getattr(rule, metric)
            value = math.inf if value is None else value
            assert value == pytest.approx(known[key][metric], abs=1e-9, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(BASKETS, st.integers(1, 3))
def test_a_limit_on_length_leaves_out_the_longer_ones_only(baskets: list[set[str]], limit: int) -> None:
    found = long(baskets)
    every = frequent_itemsets(found, 0.1)
    short = {itemset: count for itemset, count in every.items() if len(itemset) <= limit}
    assert frequent_itemsets(found, 0.1, limit) == short


def test_more_baskets_than_a_word_has_bits() -> None:
    found = long([{"a", "b"}] * 130 + [{"a"}] * 70)
    assert frequent_itemsets(found, 0.65) == {(0,): 200, (1,): 130, (0, 1): 130}


@pytest.mark.parametrize(("share", "size"), [(0.07, 100), (0.1, 30), (0.29, 100), (1.0, 7), (1e-9, 5)])
def test_a_threshold_is_met_by_the_count_that_equals_it(share: float, size: int) -> None:
    least = smallest_count(share, size)
    assert least / size >= share
    assert least == 1 or (least - 1) / size < share


def test_an_item_counts_once_a_basket_and_rows_without_either_not_at_all() -> None:
    found = baskets_of(["1", "1", "1", "2", None], ["x", "x", "y", None, "x"])
    assert found.basket_count == 1
    assert frequent_itemsets(found, 1.0) == {(0,): 1, (1,): 1, (0, 1): 1}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.csv.gz"
    rows = [(n, item) for n, basket in enumerate(["ab", "ab", "abc", "c"]) for item in basket]
    pd.DataFrame(rows, columns=["invoice", "product"]).assign(country="FR").to_csv(path, index=False)
    return path


def ask(file: Path | str, *options: str, **changed: str) -> Result:
    asked = {"basket": "invoice", "item": "product", "support": "0.5", "confidence": "0.6", **changed}
    named = [part for name, value in asked.items() for part in (f"--{name}", value)]
    return CliRunner().invoke(main, ["rules", str(file), *named, *options])


def test_the_command_prints_rules_as_json(shop: Path) -> None:
    done = ask(shop, "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert [(rule["antecedent"], rule["consequent"]) for rule in found] == [(["a"], ["b"]), (["b"], ["a"])]
    assert found[0]["support"] == 0.75
    assert found[0]["lift"] == pytest.approx(4 / 3)
    assert found[0]["leverage"] == pytest.approx(0.75 - 0.75**2)
    assert found[0]["conviction"] is None  # never wrong: JSON knows no infinity


def test_the_command_prints_a_table_and_what_it_read(shop: Path) -> None:
    done = ask(shop)
    assert "2 rules from 4 itemsets; 4 baskets, 3 items." in done.stdout
    assert ask(shop, "--method", "fpgrowth").stdout == done.stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"basket": "order"}, "has no column order; it has invoice, product, country."),
        ({"basket": "order", "item": "sku"}, "has no columns order, sku; it has"),
        ({"support": "0"}, "The support must be above 0 and at most 1, not 0."),
        ({"support": "1.5"}, "The support must be above 0 and at most 1, not 1.5."),
        ({"confidence": "-1"}, "The confidence must be above 0 and at most 1, not -1."),
        ({"confidence": "nan"}, "The confidence must be above 0 and at most 1, not nan."),
        ({"max-length": "1"}, "--max-length must be 2 or more, not 1."),
        ({"method": "magic"}, "There is no method 'magic'; there are eclat, fpgrowth."),
        ({"where": "country"}, "'country' is no condition: write COLUMN SIGN VALUE"),
        ({"where": "country = DE"}, "meets country = DE."),
        ({"item": "invoice"}, "Basket and item are the same column, invoice."),
    ],
)
def test_a_mistake_is_one_sentence(shop: Path, changed: dict[str, str], said: str) -> None:
    done = ask(shop, **changed)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "is empty."),
        ("header.csv", b"invoice,product\n", "has no rows."),
        ("blank.csv", b"invoice,product\n1,\n,a\n", "has both invoice and product."),
        ("broken.parquet", b"no parquet", "cannot be read as Parquet"),
        ("broken.csv.gz", b"no gzip", "cannot be read as CSV"),
        ("latin.csv", "invoice,product\n1,caf\xe9\n".encode("latin-1"), "cannot be read as CSV"),
    ],
)
def test_a_file_without_baskets_is_one_sentence(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    done = ask(tmp_path / name)
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_is_not_there_is_named() -> None:
    assert "There is no file nowhere.csv." in ask("nowhere.csv").stderr


class TestOnlineRetail:
    """The published file: stock codes on invoices of known customers, cancellations left out."""

    CLEAN = ("InvoiceNo !^ C", "Quantity > 0", "UnitPrice > 0", "CustomerID > 0")

    @pytest.mark.parametrize(
        ("support", "confidence", "where", "count"),
        [
            (0.02, 0.5, (), 32),
            (0.01, 0.6, (), 166),
            (0.05, 0.6, ("Country = France",), 178),
            (0.05, 0.6, (), 0),
        ],
    )
    def test_the_known_numbers_of_rules(
        self, shared: Callable[[str], Path], support: float, confidence: float, where: Any, count: int
    ) -> None:
        lines = shared("online_retail/online_retail.parquet")
        conditions = (*self.CLEAN, *where)
        found = mine(lines, "InvoiceNo", "StockCode", support, confidence, where=conditions)
        assert found.baskets == (389 if where else 18_532)
        assert len(found.rules) == count

    def test_it_finds_what_mlxtend_finds(self, shared: Callable[[str], Path]) -> None:
        lines = shared("online_retail/online_retail.parquet")
        asked = (lines, "InvoiceNo", "StockCode", 0.02, 0.3)
        assert mine(*asked).rules == mine(*asked, method="fpgrowth").rules


def test_conditions_name_columns_that_must_be_there(shop: Path) -> None:
    with pytest.raises(UserError, match="has no column region"):
        mine(shop, "invoice", "product", 0.5, 0.5, where=["region = FR"])
