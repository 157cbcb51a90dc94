"""A block's columns -> events, as the collector would have written them."""

import numpy as np

from ingestion.simulator import faults
from ingestion.simulator.contexts import ON_PAGE, PAGES, Contexts
from ingestion.simulator.people import Ints, pseudonym
from ingestion.simulator.plan import Plan
from ingestion.simulator.properties import Columns, Event, Properties
from ingestion.simulator.visits import Drawn, Kind
from lakehouse.tables import SIMULATED

ANALYTICS, MARKETING = {"analytics": True, "marketing": False}, {"analytics": True, "marketing": True}
NEVER = np.iinfo(np.int64).max
TYPES = {
    Kind.CONSENT: "consent_changed",
    Kind.EXPOSURE_0: "experiment_exposure",
    Kind.EXPOSURE_1: "experiment_exposure",
    Kind.SCROLL_ON: "scroll",
    Kind.CLICK_CART: "click",
    Kind.REMOVE: "remove_from_cart",
    Kind.CHECKOUT: "checkout_start",
    Kind.FORM: "form_submit",
    Kind.ORDER: "order_placed",
    Kind.AUTHORIZED: "payment",
    Kind.PAID: "payment",
    Kind.REFUNDED: "payment",
    Kind.CUSTOMER: "customer_updated",
    Kind.ISSUE: "issue_report",
    Kind.PRODUCT: "product_updated",
    Kind.CAMPAIGN: "campaign_updated",
    Kind.MAILING: "campaign_sent",
}
TYPES |= {kind: "page_view" for kind in Kind if kind.name.startswith("PAGE_")}
TYPE_OF = [TYPES.get(kind, kind.name.lower()) for kind in Kind]


def moments(milliseconds: Ints) -> list[str]:
    """UTC, as the tracker writes it."""
    return [f"{text}Z" for text in np.datetime_as_string(milliseconds.astype("datetime64[ms]")).tolist()]


class Writer:
    """Makes events of one block by their numbers; the same number gives the same event."""

    def __init__(self, plan: Plan, name: str, drawn: Drawn, columns: Columns) -> None:
        visits = drawn.visits
        self.properties = Properties(plan, name, drawn, columns)
        self._people, self._products, self._name = plan.people, plan.shop.details, name
        self._kind, self._row, self._visit, self._fault = (column.tolist() for column in columns[:4])
        self._occurred, self._sent = moments(columns.occurred_ms), moments(columns.sent_ms)
        self._mailed, self._product = columns.person.tolist(), drawn.rows.product.tolist()
        self._person, self._device = visits.person.tolist(), visits.device.tolist()
        self._first_row, self._marketing = visits.first_row.tolist(), plan.people.marketing
        self._known_from = known_from(drawn).tolist()
        self._at_home = set(columns.visit[columns.kind == Kind.PAGE_HOME].tolist())  # where visits began
        self._contexts, self._pages = Contexts(plan.people, visits), dict[tuple[int, Kind | None], Event]()
        self._sessions: dict[int, str] = {}

    def event(self, number: int) -> Event:
        """The event, or what became of it on the way."""
        kind, row, visit = self._kind[number], self._row[number], self._visit[number]
        event: Event = {
            "event_id": f"{self._name}-{number}",
            "event_type": TYPE_OF[kind],
            "contract_version": 1,
            "source": SIMULATED,
            "occurred_at": self._occurred[number],
            "sent_at": self._sent[number],
        }
        if visit >= 0:
            person = self._person[visit]
            if row >= self._known_from[visit]:
                event["customer_id"] = self._people.customer_id(person)
            event["visitor_id"] = self._people.visitor_id(self._device[visit])
            event["session_id"] = self.session_id(visit)
            event["context"] = self._context(kind, row, visit)
            event["consent"] = MARKETING if person >= 0 and self._marketing[person] else ANALYTICS
        elif kind == Kind.MAILING:
            event["customer_id"] = self._people.customer_id(self._mailed[number])
        event["properties"] = self.properties.of(kind, number, row, visit)
        if self._fault[number]:
            faults.BREAK[self._fault[number] - 1](event)
        return event

    def session_id(self, visit: int) -> str:
        """The visit, as the tracker cuts it."""
        if (found := self._sessions.get(visit)) is None:
            found = self._sessions[visit] = pseudonym("visit", self._name, visit)
        return found

    def _context(self, kind: int, row: int, visit: int) -> Event:
        place, at_home = row - self._first_row[visit], visit in self._at_home
        page = ON_PAGE.get(kind)
        if page is None and place == 0 and at_home:
            page = Kind.PAGE_HOME
        if (found := self._pages.get((row, page))) is None:
            if page is None:
                product = self._products[self._product[row]]["product_id"]
                path, title = f"/p/{product}", f"Product {product}"
            else:
                path, title = PAGES[page]
            is_landing = page == Kind.PAGE_HOME or (page is None and place <= 1 and not at_home)
            found = self._pages[row, page] = self._contexts.of(visit, is_landing, path, title)
        return found


def known_from(drawn: Drawn) -> Ints:
    """From which row on a visit has a customer: who buys is signed in from the checkout on at the latest."""
    visits = drawn.visits
    bought_from = visits.first_row + 1 + visits.actions - visits.purchases
    return np.where(visits.signed_in, 0, np.where(visits.purchases > 0, bought_from, NEVER))
