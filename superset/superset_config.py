"""Superset's settings for the lakehouse; whoever starts Superset passes the LAKEHOUSE_* variables.

Nothing is called outside this machine, and every secret is a generated file in the state folder.
"""

import hashlib
import logging
import os
from pathlib import Path
from typing import Any

import lakehouse_dialect
import lakehouse_security
from superset.utils.log import DBEventLogger

HOME = Path(os.environ["LAKEHOUSE_SUPERSET_HOME"])
PORT = os.environ["LAKEHOUSE_SUPERSET_PORT"]

# secrets
SECRET_KEY = (HOME / "secret_key").read_text().strip()
GUEST_TOKEN_JWT_SECRET = hashlib.sha256(f"guest {SECRET_KEY}".encode()).hexdigest()
GLOBAL_ASYNC_QUERIES_JWT_SECRET = hashlib.sha256(f"async {SECRET_KEY}".encode()).hexdigest()

# pages that may show a board in a frame; whoever reads it there is a guest with a token
EMBED_ORIGINS = os.environ["LAKEHOUSE_SUPERSET_EMBED_ORIGINS"].split()
GUEST_ROLE_NAME = lakehouse_security.GUEST
GUEST_TOKEN_JWT_EXP_SECONDS = 300

# metadata: SQLite beside the secrets unless an address is given
SQLALCHEMY_DATABASE_URI = os.environ.get("LAKEHOUSE_SUPERSET_DATABASE") or (
    f"sqlite:///{HOME / 'superset.db'}?check_same_thread=false&timeout=30"
)
SQLALCHEMY_EXAMPLES_URI = SQLALCHEMY_DATABASE_URI

# no panel is older than the cache; within it, viewers share one query
DATA_CACHE_SECONDS = 2
DATA_CACHE_CONFIG = {
    "CACHE_TYPE": "FileSystemCache",
    "CACHE_DIR": str(HOME / "cache"),
    "CACHE_DEFAULT_TIMEOUT": DATA_CACHE_SECONDS,
    "CACHE_THRESHOLD": 500,
}
DB_POLL_INTERVAL_SECONDS = {"hive": 0.1, "spark": 0.1}
DASHBOARD_AUTO_REFRESH_MODE = "fetch"

# loopback: plain http, same-site cookie, pages may load and call nothing but this server
ENABLE_CORS = False
FAB_API_SWAGGER_UI = False
THEME_FONT_URL_ALLOWED_DOMAINS: list[str] = []
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "frame-ancestors": ["'self'", *EMBED_ORIGINS],
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}
# cookies ignore the port: without its own name, two lakehouses on one machine log each other out
SESSION_COOKIE_NAME = f"lakehouse_{PORT}"
SESSION_COOKIE_SAMESITE = "Lax"

# one process and no queue: everything is answered in the request
CELERY_CONFIG = None
ROW_LIMIT = 10_000
SQLLAB_TIMEOUT = 60
SUPERSET_WEBSERVER_TIMEOUT = 120
FEATURE_FLAGS = {
    "DASHBOARD_VIRTUALIZATION": True,
    "DRILL_BY": True,
    "DRILL_TO_DETAIL": True,
    # else whoever sees some rows only would see all of them in SQL Lab
    "RLS_IN_SQLLAB": True,
    "EMBEDDED_SUPERSET": bool(EMBED_ORIGINS),
}

# Okabe and Ito's palette: told apart with every common colour blindness
APP_NAME = "Customer Lakehouse"
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "lakehouse",
        "description": "Okabe and Ito's colours for all kinds of colour vision",
        "label": "Lakehouse",
        "isDefault": True,
        "colors": [
            "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#F0E442",
        ],
    }
]  # fmt: skip


class QuietEventLogger(DBEventLogger):
    """The action log without what a refreshing board does: it would grow the metadata for ever."""

    refreshing = frozenset(
        {
            *("ChartDataRestApi.data", "ChartDataRestApi.get_data", "_get_data_response"),
            "ChartDataRestApi.json_dumps",
            *("execute_sql", "load_into_dataframe", "QueryObject.post_processing"),
            "DatasetRestApi.get_drill_info",
        }
    )

    def log(self, user_id: Any, action: str, *args: Any, **kwargs: Any) -> None:
        """Keep what people do: open a board or a chart, run SQL, change an asset."""
        records = kwargs.pop("records", [])
        if action == "log":  # the page's own events, those of each redrawn panel among them
            records = [event for event in records if "mount_" in str(event.get("event_name"))]
        if records and action not in self.refreshing:
            super().log(user_id, action, *args, records=records, **kwargs)


EVENT_LOGGER = QuietEventLogger()
# each panel's SQL at each refresh: the gateway knows it already
logging.getLogger("pyhive.hive").setLevel(logging.WARNING)

lakehouse_dialect.register()

# functions that read the machine, not tables
DISALLOWED_SQL_FUNCTIONS = {"spark": {"reflect", "try_reflect", "java_method", "read_files"}}
CUSTOM_SECURITY_MANAGER = lakehouse_security.LakehouseSecurityManager


def FLASK_APP_MUTATOR(app: Any) -> None:  # noqa: N802
    """Superset's modules can be imported only once the application exists."""
    import lakehouse_cache
    import lakehouse_engine
    import lakehouse_exports
    import lakehouse_guests

    lakehouse_cache.register()
    lakehouse_engine.register()
    lakehouse_exports.register()
    lakehouse_guests.register()
