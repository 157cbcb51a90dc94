"""Campaign, click id and referrer -> channel group."""

from urllib.parse import SplitResult

from lakehouse.privacy.address import query_of

# A host belongs to a name where it is the name or ends in `.name`; `name.*` stands for any country's.
SEARCH = {
    "google.*", "bing.com", "duckduckgo.com", "yahoo.*", "yandex.*", "baidu.com", "ecosia.org", "qwant.com",
    "startpage.com", "search.brave.com", "naver.com", "seznam.cz", "ask.com", "aol.com", "sogou.com",
    "so.com", "kagi.com", "mojeek.com", "swisscows.com", "presearch.com",
}  # fmt: skip
SOCIAL = {
    "facebook.com", "fb.com", "fb.me", "instagram.com", "twitter.com", "x.com", "t.co", "linkedin.com",
    "lnkd.in", "pinterest.*", "reddit.com", "tiktok.com", "youtube.com", "youtu.be", "snapchat.com",
    "threads.net", "threads.com", "vk.com", "ok.ru", "weibo.com", "tumblr.com", "quora.com", "xing.com",
    "bsky.app", "mastodon.social", "telegram.org", "t.me", "whatsapp.com", "wa.me", "discord.com",
    "twitch.tv", "line.me",
}  # fmt: skip
MAIL = {
    "mail.google.com", "outlook.live.com", "outlook.office.com", "outlook.office365.com", "mail.yahoo.com",
    "mail.aol.com", "mail.proton.me", "mail.yandex.*", "mail.ru", "gmx.net", "web.de", "icloud.com",
}  # fmt: skip
SOCIAL_SOURCES = {name.split(".")[0] for name in SOCIAL} | {"meta", "ig", "bluesky", "mastodon", "telegram"}
SEARCH_SOURCES = {name.split(".")[0] for name in SEARCH} | {"adwords", "google_ads", "googleads"}
MEDIA = {
    "email": "email", "e-mail": "email", "mail": "email", "newsletter": "email",
    "affiliate": "affiliate", "affiliates": "affiliate", "partner": "affiliate",
    "display": "display", "banner": "display", "cpm": "display", "programmatic": "display",
    "interstitial": "display", "expandable": "display",
    "paid_social": "paid_social", "paidsocial": "paid_social", "paid-social": "paid_social",
    "paid_search": "paid_search", "paidsearch": "paid_search", "paid-search": "paid_search",
    "sem": "paid_search", "social": "social", "social-media": "social", "social_media": "social",
    "sm": "social", "organic": "organic_search", "referral": "referral",
}  # fmt: skip
PAID = {"cpc", "ppc", "paid", "cpv", "cpa", "retargeting", "ads"}
COMMERCIAL = {"co", "com", "ne", "or"}  # google.co.uk, google.com.br
# Facebook marks every link that leaves it, paid or not; the others mark advertisements alone.
CLICK_IDS = {"gclid": "paid_search", "msclkid": "paid_search", "fbclid": "social"}


def channel_group(page: SplitResult | None, referrer: SplitResult | None) -> str:
    """How the visitor came: what the campaign says, then the click id, then the referrer."""
    if page is not None and (told := _of_campaign(query_of(page))):
        return told
    if referrer is None:
        return "direct" if page is not None else "unknown"
    return _of_referrer(referrer.hostname or "", page.hostname if page else None)


def _of_campaign(query: dict[str, str]) -> str | None:
    medium, source = query.get("utm_medium", "").lower(), query.get("utm_source", "").lower()
    if medium in MEDIA:
        return MEDIA[medium]
    clicked = next((group for name, group in CLICK_IDS.items() if query.get(name)), None)
    name = source.removeprefix("www.").split(".")[0]
    if medium in PAID:
        if name in SOCIAL_SOURCES or clicked == "social":
            return "paid_social"
        return "paid_search" if name in SEARCH_SOURCES else clicked or "display"
    if clicked:
        return clicked
    if medium or source or query.get("utm_campaign"):
        if name in SOCIAL_SOURCES:
            return "social"
        return "email" if name in ("newsletter", "email") else "other_campaign"
    return None


def _of_referrer(host: str, page_host: str | None) -> str:
    if page_host and _site(host) == _site(page_host):
        return "internal"
    for names, group in ((MAIL, "email"), (SOCIAL, "social"), (SEARCH, "organic_search")):
        if _is_one_of(host, names):
            return group
    return "referral"


def _site(host: str) -> str:
    return host.removeprefix("www.")


def _is_one_of(host: str, names: set[str]) -> bool:
    labels = host.split(".")
    suffix = 2 if len(labels) > 2 and labels[-2] in COMMERCIAL and len(labels[-1]) == 2 else 1
    return any(
        ".".join(labels[start:]) in names or ".".join(labels[start:-suffix]) + ".*" in names
        for start in range(len(labels) - suffix)
    )
