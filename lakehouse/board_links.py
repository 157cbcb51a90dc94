"""Addresses of boards with their filters set."""

from urllib.parse import quote

from lakehouse.servers import superset
from lakehouse.settings import Settings


def link(settings: Settings, board: str, **chosen: str) -> str:
    """A board as people reach it; each filter named here shows this value of the column of its name."""
    base = (settings.dashboards_url or superset.url(settings)).rstrip("/")
    address = f"{base}/superset/dashboard/{board}/"
    if not chosen:
        return address
    masks = ",".join(_mask(f"NATIVE_FILTER-{column}", column, value) for column, value in chosen.items())
    return f"{address}?native_filters={quote(f'({masks})', safe='(),:!-_')}"


def _mask(name: str, column: str, value: str) -> str:
    """A native filter's state in Rison, as Superset writes it into its own addresses."""
    text = "'" + value.replace("!", "!!").replace("'", "!'") + "'"
    return (
        f"{name}:(extraFormData:(filters:!((col:{column},op:IN,val:!({text})))),"
        f"filterState:(label:{text},value:!({text})),id:{name},ownState:())"
    )
