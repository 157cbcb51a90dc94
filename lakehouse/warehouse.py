"""SQL through the gateway's Thrift door: what `lakehouse sql`, training and tests use."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pyhive import hive
from thrift.transport.TTransport import TTransportException

from lakehouse.errors import UserError
from lakehouse.settings import Settings, get_settings

USER = "lakehouse"


def connect(settings: Settings, user: str = USER) -> Any:
    """A PyHive connection; UserError when the gateway is away."""
    logging.getLogger("thrift").setLevel(logging.CRITICAL)  # it would print what we say better
    try:
        return hive.connect(host=settings.host, port=settings.thrift_port, username=user)
    except (TTransportException, OSError) as error:
        where = f"{settings.host}:{settings.thrift_port}"
        raise UserError(f"The gateway does not answer at {where}: start it with `lakehouse up`.") from error


def message_of(error: Exception) -> str:
    """The sentence in a Thrift error, without the server's stack trace."""
    status = getattr(error.args[0], "status", None) if error.args else None
    text = getattr(status, "errorMessage", None) or str(error)
    text = text.split("Exception: ", 1)[-1] if "Error running query" in text else text
    return text.split("\n\tat ")[0].split("\nJVM stacktrace")[0].strip()


@contextmanager
def closed_quietly(opened: Any) -> Iterator[Any]:
    """Close it at the end; a server that fails at that, or has gone, takes no rows back."""
    try:
        yield opened
    finally:
        with suppress(OSError, hive.Error, TTransportException):
            opened.close()


def query(sql: str, settings: Settings | None = None, user: str = USER) -> list[dict[str, Any]]:
    """Rows of one statement as dicts, [] when it gives none; UserError with the engine's words."""
    with (
        closed_quietly(connect(settings or get_settings(), user)) as connection,
        closed_quietly(connection.cursor()) as cursor,
    ):
        try:
            cursor.execute(sql)
            if cursor.description is None:
                return []
            names = [column[0].rsplit(".", 1)[-1] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except (OSError, hive.Error, TTransportException) as error:
            raise UserError(f"SQL error: {message_of(error)}") from error


def execute(sql: str, settings: Settings | None = None) -> None:
    """One statement for its effect."""
    query(sql, settings)


def quoted(text: str) -> str:
    """A SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
