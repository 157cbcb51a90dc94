"""Visits as columns: who came, what they did, when."""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from ingestion.simulator import shape
from ingestion.simulator.faults import Knobs
from ingestion.simulator.people import PRODUCTS, Flags, Floats, Ints, People, Shop, pick

Kind = IntEnum(
    "Kind",
    "SESSION_START CONSENT PAGE_HOME EXPOSURE_0 PAGE_SEARCH SEARCH EXPOSURE_1"
    " PAGE_PRODUCT PRODUCT_VIEW SCROLL HOVER CLICK SCROLL_ON LIKE SHARE"
    " CLICK_CART CART REMOVE FAVOURITE"
    " PAGE_CHECKOUT CHECKOUT FORM COUPON_REDEEMED ORDER AUTHORIZED PAID PURCHASE"
    " CUSTOMER REFUND REFUNDED REVIEW MENTION TICKET ISSUE SESSION_END"
    " PRODUCT CAMPAIGN COUPON_ISSUED MAILING",
    start=0,
)
OPEN, VIEW, CART, FAVOURITE, BUY, CLOSE = range(6)
CATALOGUE = 0.01  # of all events: the shop's office describes products in turn
CHECKOUT_MS = 20_000  # takes no less
BOT_PACE = 0.02  # of a human's gaps
BOT_ACTIONS = 1.5  # times a human's, so that bots' share of events is that of their visits
BUYERS_STAY = 0.8  # exponent on the rank of a visit's length: who buys looks at more


@dataclass
class Visits:
    """A column each; a row is a visit. `person` is -1 for bots, `campaign` where no mailing was clicked."""

    person: Ints
    device: Ints
    signed_in: Flags
    is_declared: Flags  # bots that say so
    channel: Ints
    campaign: Ints
    actions: Ints
    purchases: Ints
    coupon: Ints
    is_refunded: Flags
    is_paid: Flags
    start_ms: Ints
    late_ms: Ints
    clock_ms: Ints
    first_row: Ints

    @property
    def is_bot(self) -> Flags:
        return self.person < 0


@dataclass
class Rows:
    """What visits consist of: an opening, actions on products, an end; a row of columns each."""

    type: Ints
    visit: Ints
    product: Ints
    quantity: Ints
    start_ms: Floats
    dwell_ms: Floats


class Drawn(NamedTuple):
    """Visits, their rows, and for each event its kind, its row and when it truly happened."""

    visits: Visits
    rows: Rows
    kind: Ints
    row: Ints
    at_ms: Ints


def draw(chance: np.random.Generator, people: People, shop: Shop, knobs: Knobs, start_ms: Ints) -> Drawn:
    """As many visits as `start_ms` has times."""
    visits = _visits(chance, people, knobs, start_ms)
    rows = _rows(chance, people, shop, visits)
    kind, row, at_ms = _events(chance, people, visits, rows)
    return Drawn(visits, rows, kind, row, at_ms)


def _visits(chance: np.random.Generator, people: People, knobs: Knobs, start_ms: Ints) -> Visits:
    count = len(start_ms)
    person = pick(chance, people.visit_shares(int(start_ms.mean())), count)
    is_bot = chance.random(count) < knobs.bots
    second = people.second_device[person] & (chance.random(count) < shape.SECOND_DEVICE)
    bot = 2 * people.count + chance.integers(0, people.bots, count)
    device = np.where(is_bot, bot, person + people.count * second)

    buys = people.propensity[person] * people.buying_factor(person, start_ms)
    one = chance.random(count) < people.one_action[person]
    is_buying = ~one & ~is_bot & (chance.random(count) < buys / (1 - people.one_action[person]))
    purchases = np.where(is_buying, 1 + pick(chance, shape.PURCHASES, count), 0)
    rank = chance.random(count) ** np.where(is_buying, BUYERS_STAY, 1)
    actions = np.where(one & ~is_bot, 1, np.interp(rank, *shape.ACTIONS).astype(np.int64))
    least = purchases + (purchases > 0)
    actions = np.where(is_bot, BOT_ACTIONS * actions, np.maximum(actions, least)).astype(np.int64)

    campaign = np.full(count, -1)
    coupon = campaign.copy()
    clicks, redeems = chance.random(count) < shape.CLICKED, chance.random(count) < shape.REDEEMED
    for number in range(len(shape.CAMPAIGNS)):
        under = people.under(number, person, start_ms) & ~is_bot
        campaign[under & clicks] = number
        coupon[under & redeems & is_buying] = number
    first_row = np.concatenate([[0], np.cumsum(actions + 2)[:-1]])
    late_ms, clock_ms = knobs.of_visits(chance, count)
    return Visits(
        np.where(is_bot, -1, person),
        device,
        (chance.random(count) < shape.SIGNED_IN) & ~is_bot,
        is_bot & (chance.random(count) < 0.5),
        pick(chance, list(shape.CHANNELS.values()), count),
        campaign,
        actions,
        purchases,
        coupon,
        is_buying & (chance.random(count) < shape.REFUNDED),
        chance.random(count) < 0.97,
        start_ms,
        late_ms,
        clock_ms,
        first_row,
    )


def _rows(chance: np.random.Generator, people: People, shop: Shop, visits: Visits) -> Rows:
    lengths = visits.actions + 2
    visit = np.repeat(np.arange(len(lengths)), lengths)
    count, index = len(visit), np.arange(lengths.sum())
    place, last = index - visits.first_row[visit], lengths[visit] - 1
    spread = shape.MEAN_ACTIONS / (shape.MEAN_ACTIONS - 1)  # the first action is a view always
    type_ = VIEW + pick(
        chance,
        [1 - spread * (shape.CART + shape.FAVOURITE), spread * shape.CART, spread * shape.FAVOURITE],
        count,
    )
    type_[(place == 1) | visits.is_bot[visit]] = VIEW
    nth_purchase = place - (last - visits.purchases[visit])
    type_[nth_purchase >= 0] = BUY
    type_[place == 0], type_[place == last] = OPEN, CLOSE

    product = np.searchsorted(shop.popularity, chance.random(count)).clip(0, PRODUCTS - 1)
    # A cart and a wish list are about what was looked at last; a purchase about what lies in the cart,
    # else about what was looked at last; a second one about what came before that.
    viewed = np.maximum.accumulate(np.where(type_ == VIEW, index, 0))
    carted = np.maximum.accumulate(np.where(type_ == CART, index, 0))
    follows = (type_ == CART) | (type_ == FAVOURITE)
    product[follows] = product[viewed[follows]]
    first = visits.first_row[visit]
    about = np.where(carted > first, carted, viewed)
    earlier = np.maximum(first + 1, index - 2 * nth_purchase - 1)
    about = np.where(nth_purchase > 0, earlier, about)
    product[type_ == BUY] = product[about[type_ == BUY]]
    product[type_ == OPEN] = product[index[type_ == OPEN] + 1]
    product[type_ == CLOSE] = product[index[type_ == CLOSE] - 1]

    person = np.maximum(visits.person[visit], 0)
    pieces = np.interp(chance.random(count), *shape.QUANTITIES) * people.pieces[person]
    dwell = np.interp(chance.random(count), *shape.GAPS) * 1000
    dwell[type_ == BUY] = np.maximum(dwell[type_ == BUY], CHECKOUT_MS)
    dwell[type_ == OPEN] = chance.uniform(1000, 4000, (type_ == OPEN).sum())
    dwell[type_ == CLOSE] = chance.uniform(2000, 90_000, (type_ == CLOSE).sum())
    dwell[visits.is_bot[visit]] *= BOT_PACE
    elapsed = np.cumsum(dwell) - dwell
    start = visits.start_ms[visit] + elapsed - elapsed[first]
    return Rows(type_, visit, product, np.maximum(1, pieces.round()).astype(np.int64), start, dwell)


def _events(
    chance: np.random.Generator, people: People, visits: Visits, rows: Rows
) -> tuple[Ints, Ints, Ints]:
    """Which kinds each row has, as a matrix; its cells, row by row, are the events in their order."""
    visit, count = rows.visit, len(rows.visit)
    human, several = ~visits.is_bot[visit], visits.actions[visit] > 1
    opens, closes, views = (rows.type == type_ for type_ in (OPEN, CLOSE, VIEW))
    buys = rows.type == BUY
    orders = buys & (np.roll(rows.type, 1) != BUY)
    known = visits.signed_in[visit] & human
    ordered = closes & (visits.purchases[visit] > 0)
    looks = views & human

    def some(of: Flags, share: float) -> Flags:
        return of & (chance.random(count) < share)

    searches = some(opens & several & human, 0.15)
    refunded = ordered & visits.is_refunded[visit]
    cells = {
        Kind.SESSION_START: opens,
        Kind.CONSENT: some(opens & human, 0.10),
        Kind.PAGE_HOME: searches | some(opens & several, 0.30),
        Kind.EXPOSURE_0: opens & several & human,
        Kind.PAGE_SEARCH: searches,
        Kind.SEARCH: searches,
        Kind.EXPOSURE_1: searches,
        Kind.PAGE_PRODUCT: views,
        Kind.PRODUCT_VIEW: views,
        Kind.SCROLL: some(looks, 0.55),
        Kind.HOVER: some(looks, 0.25),
        Kind.CLICK: some(looks, 0.35),
        Kind.SCROLL_ON: some(looks, 0.20),
        Kind.LIKE: some(looks, 0.02),
        Kind.SHARE: some(looks, 0.008),
        Kind.CLICK_CART: (rows.type == CART),
        Kind.CART: rows.type == CART,
        Kind.REMOVE: some(rows.type == CART, 0.15),
        Kind.FAVOURITE: rows.type == FAVOURITE,
        Kind.PAGE_CHECKOUT: orders,
        Kind.CHECKOUT: orders,
        Kind.FORM: orders,
        Kind.COUPON_REDEEMED: orders & (visits.coupon[visit] >= 0),
        Kind.ORDER: orders,
        Kind.AUTHORIZED: orders & visits.is_paid[visit],
        Kind.PAID: orders,
        Kind.PURCHASE: buys,
        Kind.CUSTOMER: some(closes & known, 0.05),
        Kind.REFUND: refunded & visits.is_paid[visit],
        Kind.REFUNDED: refunded & visits.is_paid[visit],
        Kind.REVIEW: some(ordered, 0.20),
        Kind.MENTION: some(closes & known, 0.005),
        Kind.TICKET: some(closes & known, 0.02),
        Kind.ISSUE: some(closes & human, 0.003),
        Kind.SESSION_END: some(closes & human, 0.90),
    }
    kinds = np.array(list(cells), dtype=np.int64)
    row, cell = np.nonzero(np.column_stack(list(cells.values())))
    in_row = np.bincount(row, minlength=count)
    place = np.arange(len(row)) - (np.cumsum(in_row) - in_row)[row]
    at = rows.start_ms[row] + rows.dwell_ms[row] * place / in_row[row]
    return kinds[cell], row, at.astype(np.int64)
