"""Made events: single ones, a small shop, and whatever a contract accepts."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

Event = dict[str, Any]
SHOP = "shop"
FIRST_DAY = datetime(2025, 1, 1)
DAYS, CUSTOMERS, PRODUCTS, ORDERS, VIEWS = 90, 60, 20, 300, 200
CONSENT = {"analytics": True, "marketing": False}
DATES = {"date-time": "2025-01-31T08:30:00Z", "date": "2025-01-31"}

# Reasons of rejections, and what of them does not differ from record to record.
REASONS = {
    'a.price: "7.65" is not of type "number"': 'a.price: is not of type "number"',
    "a.lines[12].n: -1 is less than the minimum of 0": "a.lines[].n: is less than the minimum of 0",
    'a: "she said \\"is\\"" is not one of "x", "y"': 'a: is not one of "x", "y"',
    "a: [1,2] has too many items": "a: has too many items",
    'a: null is not of type "string"': 'a: null is not of type "string"',
    'a: {"b":\n1} is not of type "string"': 'a: is not of type "string"',
    'a: "' + "x" * 199: "a: a long value breaks the contract",
    "event: is not JSON: unexpected end of data: line 1 column 5 (char 4)": (
        "event: is not JSON: unexpected end of data"
    ),
    "event: is not UTF-8 at byte 14": "event: is not UTF-8",
    "source: is not web, which the key is for": "source: is not web, which the key is for",
}


def event(event_id: str, event_type: str, properties: Event, **envelope: Any) -> Event:
    """An event of one line; `envelope` replaces or adds fields."""
    return {
        "event_id": event_id,
        "event_type": event_type,
        "contract_version": 1,
        "source": SHOP,
        "occurred_at": "2025-01-31T08:30:00Z",
        "properties": properties,
    } | envelope


def order(event_id: str, **envelope: Any) -> Event:
    """An order of one line that keeps its contract."""
    line = {"product_id": "p1", "quantity": 3, "unit_price": 2.5, "line_total": 7.5}
    properties = {"order_id": event_id, "order_status": "placed", "currency": "EUR", "lines": [line]}
    return event(event_id, "order_placed", properties, **{"customer_id": "c1"} | envelope)


def at(**ago: float) -> str:
    """A time before now, as events have it."""
    return f"{datetime.now(UTC) - timedelta(**ago):%Y-%m-%dT%H:%M:%SZ}"


def recent(number: int, source: str, **ago: float) -> Event:
    """One of several kinds of event, that long ago."""
    who = {"source": source, "visitor_id": f"v{number % 7}", "session_id": f"s{number % 11}"}
    who |= {"occurred_at": at(**ago)}
    name = f"{source}-{number}"
    match number % 4:
        case 0:
            return order(name, source=source, occurred_at=at(**ago))
        case 1:
            context = {"page_url": f"https://shop.example/{number % 3}?utm_source=x"}
            return event(name, "page_view", {}, **who, context=context)
        case 2:
            return event(name, "cart", {"product_id": f"p{number % 5}"}, **who)
    return event(name, "product_view", {"product_id": f"p{number % 5}"}, **who)


def shop() -> list[Event]:
    """Ninety days of a small shop, the same each time: frequent and rare customers, some cancel."""
    chance = random.Random(7)

    def moment() -> str:
        return f"{FIRST_DAY + timedelta(minutes=chance.randrange(DAYS * 1440)):%Y-%m-%dT%H:%M:%SZ}"

    products = [f"p{number}" for number in range(1, PRODUCTS + 1)]
    prices = {product: round(chance.lognormvariate(2, 1), 2) for product in products}
    customers = [f"c{number}" for number in range(1, CUSTOMERS + 1)]
    events = []
    for number, product in enumerate(products):
        properties = {"product_id": product, "name": f"Product {product}", "price": prices[product]}
        properties["category_level_1"] = f"Category {number % 4}"
        events.append(event(f"product-{product}", "product_updated", properties, occurred_at=moment()))
    for customer in customers:
        properties = {"age_band": chance.choice(["19-24", "25-34", "35-44"]), "country": "France"}
        known = {"customer_id": customer, "occurred_at": moment()}
        events.append(event(f"customer-{customer}", "customer_updated", properties, **known))
    for number in range(1, ORDERS + 1):
        lines = [
            {
                "product_id": product,
                "quantity": (quantity := chance.randint(1, 6)),
                "unit_price": prices[product],
                "line_total": round(quantity * prices[product], 2),
            }
            for product in chance.sample(products, chance.randint(1, 4))
        ]
        properties = {"order_id": f"o{number}", "currency": "EUR", "country": "France", "lines": lines}
        properties["order_status"] = "cancelled" if number % 40 == 0 else "placed"
        # Squared, so that few customers order often and many seldom; each has at least one order.
        regular = customers[int(CUSTOMERS * chance.random() ** 2)]
        buyer = customers[number - 1] if number <= CUSTOMERS else regular
        who = {"customer_id": None if number % 50 == 0 else buyer, "occurred_at": moment()}
        events.append(event(f"order-o{number}", "order_placed", properties, **who))
    for number in range(VIEWS):
        properties = {"product_id": chance.choice(products)}
        who = {"visitor_id": f"v{number % 30}", "occurred_at": moment()}
        events.append(event(f"view-{number}", "product_view", properties, **who))
    return events


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What the schema accepts, built from its own words."""
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if "null" in types:
        return st.none() | values({**schema, "type": types[0]})
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match types[0]:
        case "object":
            fields = {name: values(child) for name, child in schema["properties"].items()}
            optional = {name: each for name, each in fields.items() if name not in schema["required"]}
            required = {name: each for name, each in fields.items() if name in schema["required"]}
            return st.fixed_dictionaries(required, optional=optional)
        case "array":
            return st.lists(values(schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
        case "string" if "format" in schema:
            return st.just(DATES[schema["format"]])
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"].replace("$", r"\Z"))
        case "string":
            alphabet = st.characters(codec="utf-8")
            least, most = schema.get("minLength", 0), min(20, schema.get("maxLength", 20))
            return st.text(alphabet, min_size=least, max_size=most)
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
    return st.floats(schema["minimum"], schema["maximum"], allow_nan=False) | st.integers(
        0, min(10**6, int(schema["maximum"]))
    )
