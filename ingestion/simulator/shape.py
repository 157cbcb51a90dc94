"""The figures that the made shop is shaped on, each with the published file it was counted in.

Files are those of docs/data.md; only figures are taken from them, never rows. What no file tells
(scrolling, hovering, likes, segments) is set here by hand and says so.
"""

from typing import NamedTuple

import numpy as np

# Taobao, visits cut at gaps of 30 minutes: 14,097 visits of 815 users in nine days.
ONE_ACTION = 0.310  # visits of a single action
BUYING = 0.0954  # visits with a purchase
CART, FAVOURITE = 0.0532, 0.0279  # of all actions; what is no purchase either is a view
# Share of visits with two or more actions -> number of actions, of gaps -> seconds, interpolated.
ACTIONS = np.array(
    [[0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1], [2, 2, 3, 4, 5, 6, 8, 12, 18, 26, 47, 130]]
)
MEAN_ACTIONS = 5.98  # of all visits
GAPS = np.array(
    [
        [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1],
        [0.5, 6, 10, 17, 26, 38, 54, 77, 112, 176, 337, 591, 1362, 1799],
    ]
)
PURCHASES = np.array([0.813, 0.132, 0.030, 0.012, 0.013])  # buying visits with 1, 2... purchases
# Share of the day's actions by hour, local time there; taken for UTC here.
HOURS = np.array(
    [
        *(0.0353, 0.0157, 0.0080, 0.0044, 0.0053, 0.0075, 0.0159, 0.0264, 0.0326, 0.0402, 0.0446, 0.0459),
        *(0.0405, 0.0508, 0.0501, 0.0552, 0.0540, 0.0459, 0.0494, 0.0653, 0.0783, 0.0884, 0.0793, 0.0609),
    ]
)
CLOCK_ERRORS = 0.0004  # 35 of 84,475 records have impossible times

# REES46: views by widest category, those without one first; names are ours.
CATEGORIES = {
    "": 0.330,
    "kitchen": 0.363,
    "decoration": 0.121,
    "lighting": 0.057,
    "stationery": 0.032,
    "garden": 0.030,
    "toys": 0.028,
    "gifts": 0.039,
}
NO_BRAND = 0.142  # views without a brand
POPULARITY = 0.65  # exponent at which 1 % of products have 20 % of views and 10 % have 45 %, as there

# Online Retail, lines of known customers with quantity and price above 0.
PRICE_LOG_MEAN, PRICE_LOG_DEVIATION = 0.642, 0.929  # of the natural logarithm of a piece's price
QUANTITIES = np.array([[0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99], [1, 1, 2, 6, 12, 24, 36, 120]])
REFUNDED = 0.148  # invoices that are cancellations
DUPLICATES = 0.0097  # 5,268 exact duplicates of 541,909 lines

# Google Merchandise Store: channels of visits, without its "(Other)".
CHANNELS = {
    "organic_search": 0.518,
    "referral": 0.187,
    "direct": 0.172,
    "social": 0.070,
    "paid_search": 0.033,
    "affiliate": 0.012,
    "display": 0.008,
}

# A web server's log: 1,955 of 10,000 lines are crawlers', one is malformed.
BOTS, MALFORMED = 0.196, 0.0001

# Clothing reviews with one to five stars.
RATINGS = np.array([0.0356, 0.0683, 0.1207, 0.2176, 0.5578])

# From here on set by hand: no published file tells.
LATE = 0.01  # visits sent hours after they happened
SIGNED_IN = 0.4  # visits of people who are signed in from the start; who buys always is
SECOND_DEVICE = 0.3  # people with two devices, and visits of theirs on the second one
MARKETING = 0.6  # people who agreed to be addressed
NEWCOMERS = 0.3  # people who come for the first time within the span


class Segment(NamedTuple):
    """What a kind of customer does. Shares of visits give the files' figures when summed over all kinds."""

    name: str
    visits: float  # share of all visits
    people: float  # share of all people
    one_action: float  # share of their visits
    buying: float  # share of their visits
    pieces: float  # times the pieces a line has
    churn: float  # chance to leave for good, a day


SEGMENTS = (
    Segment("bouncer", 0.30, 0.45, 0.700, 0.008, 0.7, 0.020),
    Segment("explorer", 0.40, 0.35, 0.170, 0.035, 0.9, 0.010),
    Segment("buyer", 0.22, 0.15, 0.120, 0.210, 1.0, 0.006),
    Segment("loyal", 0.08, 0.05, 0.070, 0.410, 1.6, 0.002),
)

DEVICES = (
    # share, device_type, os_name, browser_name, screen, window
    (0.30, "desktop", "Windows", "Chrome", (1920, 1080), (1903, 937)),
    (0.10, "desktop", "Mac OS X", "Safari", (1440, 900), (1425, 764)),
    (0.05, "desktop", "Linux", "Firefox", (1920, 1080), (1920, 970)),
    (0.30, "mobile", "Android", "Chrome Mobile", (412, 915), (412, 785)),
    (0.20, "mobile", "iOS", "Mobile Safari", (390, 844), (390, 664)),
    (0.05, "tablet", "iOS", "Mobile Safari", (820, 1180), (820, 1106)),
)
COUNTRIES = (
    # share, code, language
    (0.50, "GB", "en-GB"),
    (0.15, "DE", "de-DE"),
    (0.12, "FR", "fr-FR"),
    (0.08, "IE", "en-IE"),
    (0.08, "ES", "es-ES"),
    (0.07, "NL", "nl-NL"),
)
AGE_BANDS = ("19-24", "25-34", "35-44", "45-54", "55-64", "65+")
CURRENCY = "GBP"


class Experiment(NamedTuple):
    """Half of all people see `treatment`; it multiplies their chance to buy by 1 + effect."""

    experiment_id: str
    effect: float


EXPERIMENTS = (Experiment("checkout_layout", 0.20), Experiment("search_box", 0.0))


class Campaign(NamedTuple):
    """A mailing: from and to are shares of the span; it multiplies the chance to buy by 1 + uplift."""

    campaign_id: str
    campaign_type: str
    from_: float
    to: float
    uplift: float


CAMPAIGNS = (
    Campaign("spring_sale", "newsletter", 0.2, 0.45, 0.40),
    Campaign("we_miss_you", "newsletter", 0.6, 0.85, 0.0),
)
CLICKED = 0.3  # visits of those who got a mailing that come from it
REDEEMED = 0.5  # orders of those who got a mailing that redeem its coupon
