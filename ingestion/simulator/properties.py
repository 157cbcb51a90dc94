"""What an event's own contract describes: a maker for each kind of event."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ingestion.simulator import shape, texts
from ingestion.simulator.people import Ints
from ingestion.simulator.plan import Plan
from ingestion.simulator.visits import Drawn, Kind

Event = dict[str, Any]
Maker = Callable[["Properties", int, int, int], Event]
PLATFORMS = ("instagram", "facebook", "x", "tiktok")
PAYMENT_METHODS = ("card", "paypal", "invoice")


class Columns(NamedTuple):
    """What each event of a block is: `row` and `visit` are -1 for those of the office.

    `subject` and `person` say what and whom those are about; `luck` decides on details.
    """

    kind: Ints
    row: Ints
    visit: Ints
    fault: Ints
    occurred_ms: Ints
    sent_ms: Ints
    subject: Ints
    person: Ints
    luck: Ints


class Properties:
    """Of one block's events, by their number, their row and their visit."""

    def __init__(self, plan: Plan, name: str, drawn: Drawn, columns: Columns) -> None:
        visits, rows = drawn.visits, drawn.rows
        self._plan, self._people, self._products, self._name = plan, plan.people, plan.shop.details, name
        self._subject, self._luck = columns.subject.tolist(), columns.luck.tolist()
        began = (visits.start_ms - visits.late_ms + visits.clock_ms)[columns.visit]
        self._elapsed = np.maximum(0, columns.occurred_ms - began).tolist()
        self._person, self._coupon = visits.person.tolist(), visits.coupon.tolist()
        self._first_row, self._actions = visits.first_row.tolist(), visits.actions.tolist()
        self._purchases, self._is_paid = visits.purchases.tolist(), visits.is_paid.tolist()
        self._product, self._quantity = rows.product.tolist(), rows.quantity.tolist()
        self._lines: dict[int, list[Event]] = {}

    def of(self, kind: int, number: int, row: int, visit: int) -> Event:
        """The properties of an event of this kind."""
        return MAKERS[kind](self, number, row, visit)

    def order_id(self, visit: int) -> str:
        """The visit's order; a visit has one at most."""
        return f"{self._name}-o{visit}"

    def order_total(self, visit: int) -> float:
        """What the visit's order costs."""
        totals: list[float] = [line["line_total"] for line in self._order_lines(visit)]
        return round(sum(totals), 2)

    def _order_lines(self, visit: int) -> list[Event]:
        if (found := self._lines.get(visit)) is None:
            first = self._first_row[visit] + 1 + self._actions[visit] - self._purchases[visit]
            found = []
            for row in range(first, first + self._purchases[visit]):
                product, quantity = self._products[self._product[row]], self._quantity[row]
                price = product["price"]
                line = {"product_id": product["product_id"], "quantity": quantity, "unit_price": price}
                found.append({**line, "line_total": round(quantity * price, 2)})
            self._lines[visit] = found
        return found

    def _of_session_start(self, number: int, row: int, visit: int) -> Event:
        person = self._person[visit]
        was_there = person >= 0 and self._people.born[person] < self._plan.start_ms
        return {"is_returning": bool(was_there) or self._luck[number] % 2 == 0}

    def _of_consent(self, number: int, row: int, visit: int) -> Event:
        marketing = bool(self._people.marketing[self._person[visit]])
        return {"analytics": True, "marketing": marketing, "policy_version": "2025-01"}

    def _of_page_home(self, number: int, row: int, visit: int) -> Event:
        return {"page_type": "home"}

    def _of_page_search(self, number: int, row: int, visit: int) -> Event:
        return {"page_type": "search"}

    def _of_page_checkout(self, number: int, row: int, visit: int) -> Event:
        return {"page_type": "checkout"}

    def _of_page_product(self, number: int, row: int, visit: int) -> Event:
        return {"page_type": "product", "product_id": self._products[self._product[row]]["product_id"]}

    def _exposure(self, experiment: int, visit: int) -> Event:
        arm = "treatment" if self._people.treated[experiment, self._person[visit]] else "control"
        return {"experiment_id": shape.EXPERIMENTS[experiment].experiment_id, "arm": arm}

    def _of_exposure_0(self, number: int, row: int, visit: int) -> Event:
        return self._exposure(0, visit)

    def _of_exposure_1(self, number: int, row: int, visit: int) -> Event:
        return self._exposure(1, visit)

    def _of_search(self, number: int, row: int, visit: int) -> Event:
        luck = self._luck[number]
        return {"query": texts.SEARCHES[luck % len(texts.SEARCHES)], "result_count": luck % 97}

    def _of_product_view(self, number: int, row: int, visit: int) -> Event:
        product: Event = self._products[self._product[row]]
        return product

    _of_favourite = _of_product_view

    def _of_cart(self, number: int, row: int, visit: int) -> Event:
        return {**self._products[self._product[row]], "quantity": self._quantity[row]}

    _of_remove = _of_cart

    def _of_purchase(self, number: int, row: int, visit: int) -> Event:
        return {**self._of_cart(number, row, visit), "order_id": self.order_id(visit)}

    def _of_scroll(self, number: int, row: int, visit: int) -> Event:
        return {"depth_percent": 10 + self._luck[number] % 50}

    def _of_scroll_on(self, number: int, row: int, visit: int) -> Event:
        return {"depth_percent": 60 + self._luck[number] % 41}

    def _of_hover(self, number: int, row: int, visit: int) -> Event:
        product = self._products[self._product[row]]["product_id"]
        return {
            "target": "product-image",
            "duration_ms": 500 + self._luck[number] % 8000,
            "product_id": product,
        }

    def _of_click(self, number: int, row: int, visit: int) -> Event:
        luck = self._luck[number]
        # Two of three clicks go to the pictures, around their middle.
        x, y = (80 + luck % 240, 200 + luck // 240 % 300) if luck % 3 else (luck % 390, luck // 390 % 4000)
        return {"target": "gallery" if luck % 3 else "details", "x": x, "y": y}

    def _of_click_cart(self, number: int, row: int, visit: int) -> Event:
        luck = self._luck[number]
        product = self._products[self._product[row]]["product_id"]
        return {
            "target": "add-to-cart",
            "x": 250 + luck % 90,
            "y": 560 + luck // 90 % 40,
            "product_id": product,
        }

    def _of_like(self, number: int, row: int, visit: int) -> Event:
        product = self._products[self._product[row]]["product_id"]
        return {"product_id": product, "platform": PLATFORMS[self._luck[number] % len(PLATFORMS)]}

    _of_share = _of_like

    def _of_checkout(self, number: int, row: int, visit: int) -> Event:
        pieces = sum(line["quantity"] for line in self._order_lines(visit))
        bill = {"order_id": self.order_id(visit), "amount": self.order_total(visit), "quantity": pieces}
        return {**bill, "currency": shape.CURRENCY}

    def _of_form(self, number: int, row: int, visit: int) -> Event:
        return {"form_id": "address"}

    def _of_coupon_redeemed(self, number: int, row: int, visit: int) -> Event:
        return _coupon(self._coupon[visit])

    def _of_order(self, number: int, row: int, visit: int) -> Event:
        country = shape.COUNTRIES[self._people.country[self._person[visit]]][1]
        order = {"order_id": self.order_id(visit), "order_status": "placed", "currency": shape.CURRENCY}
        return {**order, "country": country, "lines": self._order_lines(visit)}

    def _payment(self, visit: int, status: str) -> Event:
        order = self.order_id(visit)
        return {
            "order_id": order,
            "payment_id": f"{order}-pay",
            "payment_status": status,
            "payment_method": PAYMENT_METHODS[visit % len(PAYMENT_METHODS)],
            "amount": self.order_total(visit),
            "currency": shape.CURRENCY,
        }

    def _of_authorized(self, number: int, row: int, visit: int) -> Event:
        return self._payment(visit, "authorized")

    def _of_paid(self, number: int, row: int, visit: int) -> Event:
        return self._payment(visit, "paid" if self._is_paid[visit] else "failed")

    def _of_refunded(self, number: int, row: int, visit: int) -> Event:
        return self._payment(visit, "refunded")

    def _of_refund(self, number: int, row: int, visit: int) -> Event:
        refund = {"order_id": self.order_id(visit), "amount": self.order_total(visit)}
        return {**refund, "currency": shape.CURRENCY, "reason": "changed their mind"}

    def _of_customer(self, number: int, row: int, visit: int) -> Event:
        person = self._person[visit]
        _, country, _ = shape.COUNTRIES[self._people.country[person]]
        device = shape.DEVICES[self._people.device[0, person]][1]
        return {
            "age_band": shape.AGE_BANDS[self._people.age[person]],
            "country": country,
            "device_type": device,
        }

    def _of_review(self, number: int, row: int, visit: int) -> Event:
        stars = 1 + int(np.searchsorted(np.cumsum(shape.RATINGS), self._luck[number] % 10_000 / 10_000))
        title, text = texts.REVIEWS[min(5, stars)]
        about = {"product_id": self._order_lines(visit)[0]["product_id"], "order_id": self.order_id(visit)}
        said = {"rating": min(5, stars), "title": title, "text": text, "language": "en"}
        return {**about, **said, "is_recommended": stars > 3, "is_verified": True}

    def _of_mention(self, number: int, row: int, visit: int) -> Event:
        luck = self._luck[number]
        text = texts.MENTIONS[luck % len(texts.MENTIONS)]
        return {"text": text, "language": "en", "platform": PLATFORMS[luck % len(PLATFORMS)]}

    def _of_ticket(self, number: int, row: int, visit: int) -> Event:
        category, title, text = texts.TICKETS[self._luck[number] % len(texts.TICKETS)]
        ticket = {"ticket_id": f"{self._name}-t{visit}", "ticket_status": "open", "category": category}
        return {**ticket, "title": title, "text": text, "language": "en"}

    def _of_issue(self, number: int, row: int, visit: int) -> Event:
        return {"text": texts.ISSUES[self._luck[number] % len(texts.ISSUES)], "category": "technical"}

    def _of_session_end(self, number: int, row: int, visit: int) -> Event:
        return {"duration_ms": self._elapsed[number]}

    # Of the office.

    def _of_product(self, number: int, row: int, visit: int) -> Event:
        product = self._products[self._subject[number]]
        known = {name: product[name] for name in ("product_id", "brand", "price") if name in product}
        known["name"] = f"Product {product['product_id']}"
        return known | ({"category_level_1": product["category_code"]} if "category_code" in product else {})

    def _of_campaign(self, number: int, row: int, visit: int) -> Event:
        campaign = shape.CAMPAIGNS[self._subject[number]]
        days = (self._plan.day_of(share) for share in (campaign.from_, campaign.to))
        lasts = dict(zip(("starts_on", "ends_on"), days, strict=True))
        return {"campaign_id": campaign.campaign_id, "campaign_type": campaign.campaign_type, **lasts}

    def _of_coupon_issued(self, number: int, row: int, visit: int) -> Event:
        coupon = self._subject[number]
        return {**_coupon(coupon), "product_id": self._products[coupon]["product_id"]}

    def _of_mailing(self, number: int, row: int, visit: int) -> Event:
        return {"campaign_id": shape.CAMPAIGNS[self._subject[number]].campaign_id}


# By kind. Not methods bound to one object, which would hold itself and live on.
MAKERS: list[Maker] = [getattr(Properties, f"_of_{kind.name.lower()}") for kind in Kind]


def _coupon(campaign: int) -> Event:
    name = shape.CAMPAIGNS[campaign].campaign_id
    return {"coupon_id": f"coupon_{name}", "campaign_id": name}
