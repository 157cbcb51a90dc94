"""Who visits the made shop and what it sells: drawn once from the seed, the same in every process."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingestion.simulator import shape

DAY_MS = 86_400_000
PRODUCTS = 2_000
BOT_SHARE = 0.02  # bots for each person
MOST_SENT = 0.005  # events that one campaign may make of all

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def pseudonym(*parts: object) -> str:
    """An id that looks like the collector's pseudonyms and leads to nobody, since there is nobody."""
    return "p1_" + hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def pick(chance: np.random.Generator, shares: Any, count: int) -> Ints:
    """`count` numbers 0, 1... by their shares, which need not sum to 1."""
    edges = np.cumsum(np.asarray(shares, dtype=float))
    found: Ints = np.searchsorted(edges, chance.random(count) * edges[-1], side="right").astype(np.int64)
    return found


@dataclass
class Shop:
    """The products, best-seller first."""

    seed: int
    category: Ints = field(init=False)
    brand: Ints = field(init=False)  # -1 where there is none
    price: Floats = field(init=False)
    popularity: Floats = field(init=False)  # cumulative, ends at 1

    def __post_init__(self) -> None:
        chance = np.random.default_rng([self.seed, 1])
        self.category = pick(chance, list(shape.CATEGORIES.values()), PRODUCTS)
        self.brand = np.where(chance.random(PRODUCTS) < shape.NO_BRAND, -1, chance.integers(0, 60, PRODUCTS))
        price = np.exp(chance.normal(shape.PRICE_LOG_MEAN, shape.PRICE_LOG_DEVIATION, PRODUCTS))
        self.price = np.maximum(0.1, price.round(2))
        weights = np.arange(1, PRODUCTS + 1) ** -shape.POPULARITY
        self.popularity = np.cumsum(weights) / weights.sum()

    @property
    def mean_price(self) -> float:
        """Of what is looked at."""
        return float(np.diff(self.popularity, prepend=0) @ self.price)

    @cached_property
    def details(self) -> list[dict[str, Any]]:
        """What an event says of each product."""
        names = list(shape.CATEGORIES)
        found = []
        for number, (category, brand, price) in enumerate(
            zip(self.category.tolist(), self.brand.tolist(), self.price.tolist(), strict=True)
        ):
            known = {"category_id": f"c{category}", "category_code": names[category]} if category else {}
            made = {} if brand < 0 else {"brand": f"Brand {brand:02d}"}
            costs = {"price": price, "currency": shape.CURRENCY}
            found.append({"product_id": f"sim-{number:04d}", **known, **made, **costs})
        return found


@dataclass
class People:
    """Columns over persons; times are milliseconds since 1970, `events` is how many the whole run has."""

    seed: int
    count: int
    start_ms: int
    span_ms: int
    events: float

    def __post_init__(self) -> None:
        chance = np.random.default_rng([self.seed, 2])
        size, kinds = self.count, shape.SEGMENTS
        self.segment = pick(chance, [kind.people for kind in kinds], size)

        def by_segment(value: Callable[[shape.Segment], float]) -> Floats:
            return np.array([value(kind) for kind in kinds])[self.segment]

        # How often and how readily people act differs within a segment, too; both factors have mean 1.
        self.visit_weight = chance.gamma(2, 0.5, size)
        readiness = chance.gamma(4, 0.25, size)
        self.one_action = by_segment(lambda k: k.one_action)
        self.propensity = np.minimum(0.9 * (1 - self.one_action), by_segment(lambda k: k.buying) * readiness)
        self.pieces = by_segment(lambda k: k.pieces)
        self.churn = by_segment(lambda k: k.churn)
        newcomer = chance.random(size) < shape.NEWCOMERS
        at = chance.random(size)
        born = np.where(newcomer, at * self.span_ms, -at * 365 * DAY_MS)
        self.born = (self.start_ms + born).astype(np.int64)
        stays = chance.exponential(1 / self.churn) * DAY_MS
        self.gone = np.maximum(self.born, self.start_ms) + stays.astype(np.int64)
        self.second_device = chance.random(size) < shape.SECOND_DEVICE
        self.device = pick(chance, [device[0] for device in shape.DEVICES], 2 * size).reshape(2, size)
        self.country = pick(chance, [country[0] for country in shape.COUNTRIES], size)
        self.age = chance.integers(0, len(shape.AGE_BANDS), size)
        self.marketing = chance.random(size) < shape.MARKETING
        self.treated = chance.random((len(shape.EXPERIMENTS), size)) < 0.5
        self._send_campaigns(chance)
        self.bots = max(1, round(size * BOT_SHARE))
        self._ids: dict[tuple[str, int], str] = {}

    def _send_campaigns(self, chance: np.random.Generator) -> None:
        """Who may be addressed is mailed or held back; `sent_at` is 0 for all but the mailed."""
        self.mailed = np.zeros((len(shape.CAMPAIGNS), self.count), dtype=bool)
        self.held_back = self.mailed.copy()
        self.sent_at = np.zeros(self.mailed.shape, dtype=np.int64)
        most = int(self.events * MOST_SENT)
        for number, campaign in enumerate(shape.CAMPAIGNS):
            starts, ends = (self.start_ms + share * self.span_ms for share in (campaign.from_, campaign.to))
            there = (self.born <= starts) & (starts < self.gone)
            audience = chance.permutation(np.flatnonzero(self.marketing & there))
            half = min(len(audience) // 2, most)
            self.mailed[number, audience[:half]] = True
            self.held_back[number, audience[half : 2 * half]] = True
            when = starts + 0.2 * (ends - starts) * chance.random(half)
            self.sent_at[number, audience[:half]] = when.astype(np.int64)

    def customer_id(self, person: int) -> str:
        """The account."""
        return self._id("customer", person)

    def visitor_id(self, device: int) -> str:
        """A browser: `person` or `count + person` for the second device; bots come after all of them."""
        return self._id("visitor", device)

    def _id(self, kind: str, number: int) -> str:
        if (found := self._ids.get((kind, number))) is None:
            # With another size the same number is somebody else.
            found = self._ids[kind, number] = pseudonym(kind, self.seed, self.count, number)
        return found

    def visit_shares(self, at_ms: int) -> Floats:
        """Each person's share of the visits around that time; segments keep theirs as people come and go."""
        weights = self.visit_weight * ((self.born <= at_ms) & (at_ms < self.gone))
        totals = np.bincount(self.segment, weights, len(shape.SEGMENTS))
        shares = np.array([kind.visits for kind in shape.SEGMENTS]) * (totals > 0)
        found: Floats = weights * (shares / np.where(totals > 0, totals, 1) / shares.sum())[self.segment]
        return found

    def buying_factor(self, person: Ints, at_ms: Ints) -> Floats:
        """What experiments and campaigns make of these persons' chance to buy at these times."""
        factor = np.ones(len(person))
        for number, experiment in enumerate(shape.EXPERIMENTS):
            # Divided by the mean over both arms, so that all visits together buy as often as in the files.
            by_arm = np.array([1, 1 + experiment.effect]) / (1 + experiment.effect / 2)
            factor *= by_arm[self.treated[number, person].astype(np.int64)]
        for number, campaign in enumerate(shape.CAMPAIGNS):
            factor[self.under(number, person, at_ms)] *= 1 + campaign.uplift
        return factor

    def under(self, campaign: int, person: Ints, at_ms: Ints) -> Flags:
        """Which of these persons have got the campaign's mailing, while it lasts."""
        ends = self.start_ms + shape.CAMPAIGNS[campaign].to * self.span_ms
        sent = self.sent_at[campaign, person]
        found: Flags = self.mailed[campaign, person] & (sent <= at_ms) & (at_ms < ends)
        return found

    def mailings(self, from_ms: int, to_ms: int) -> list[tuple[int, int, int]]:
        """(time, campaign, person) of what is sent within these times."""
        found = np.nonzero(self.mailed & (self.sent_at >= from_ms) & (self.sent_at < to_ms))
        return [
            (int(self.sent_at[campaign, person]), int(campaign), int(person))
            for campaign, person in zip(*found, strict=True)
        ]
