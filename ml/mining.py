"""Association rules of a file in long format: a row says that an item is in a basket."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pandas.api.types import is_hashable

from lakehouse.errors import UserError
from ml.estimators.baskets import METHODS, Rule, baskets_of, frequent_itemsets, rules
from ml.files import condition, matching, read_table


@dataclass(frozen=True)
class Mined:
    """Rules, and what they were found in."""

    rules: list[Rule]
    baskets: int
    items: int
    itemsets: int
    rows: int
    rows_without_basket_or_item: int

    def sentence(self) -> str:
        """All but the rules, for people."""
        without = self.rows_without_basket_or_item
        left_out = f" ({without:,} rows lack one of them)" if without else ""
        return (
            f"{len(self.rules):,} rules from {self.itemsets:,} itemsets; "
            f"{self.baskets:,} baskets, {self.items:,} items{left_out}."
        )


def mine(
    path: Path,
    basket: str,
    item: str,
    support: float,
    confidence: float,
    *,
    max_length: int | None = None,
    where: Sequence[str] = (),
    method: str = "eclat",
) -> Mined:
    """Rules of at least that support and confidence, both shares in (0, 1]."""
    for name, share in (("support", support), ("confidence", confidence)):
        if not 0 < share <= 1:
            raise UserError(f"The {name} must be above 0 and at most 1, not {share:g}.")
    if max_length is not None and max_length < 2:
        raise UserError(f"A rule has two items at least: --max-length must be 2 or more, not {max_length}.")
    if method not in METHODS:
        raise UserError(f"There is no method {method!r}; there are {', '.join(METHODS)}.")
    if basket == item:
        raise UserError(f"Basket and item are the same column, {basket}.")
    frame = read_table(path, [basket, item, *(condition(text)[0] for text in where)])
    frame = matching(frame, where)
    for name in (basket, item):
        if not all(map(is_hashable, frame[name].head(1))):
            raise UserError(f"Column {name} of {path} holds lists: one value a row is a basket or an item.")
    if not len(frame):
        raise UserError(f"No row of {path} meets {' and '.join(where)}.")
    found = baskets_of(frame[basket], frame[item])
    if not found.basket_count:
        raise UserError(f"No row of {path} has both {basket} and {item}.")
    itemsets = frequent_itemsets(found, support, max_length, method)
    return Mined(
        rules=rules(found, itemsets, confidence),
        baskets=found.basket_count,
        items=len(found.items),
        itemsets=len(itemsets),
        rows=len(frame),
        rows_without_basket_or_item=int(frame[[basket, item]].isna().any(axis=1).sum()),
    )
