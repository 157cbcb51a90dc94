"""Sessions at the gateway, kept for the next question: opening one costs more than a board's small answer.

Superset opens a connection for each query and closes it after. Here closing gives it back, and the next
query of the same schema takes it. The gateway lets Superset's user set nothing and make nothing in a session;
the schema that it is in is the only thing that a query could leave behind, so each taker names its own.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pyhive import hive
from thrift.Thrift import TException

logger = logging.getLogger(__name__)
# What a connection says that is gone, or out of step since a query was broken off in the midst of an answer.
BROKEN = (OSError, EOFError, UnicodeDecodeError, hive.Error, TException)
MOST_IDLE = 8  # as many as Superset has threads
LONGEST_SECONDS = 60  # then another is opened, which has seen nothing of older tables


class Session:
    """A PyHive connection that goes back when it is closed, with all that its cursors hold let go."""

    def __init__(self, connection: Any, give_back: Callable[["Session"], None]) -> None:
        self.connection = connection
        self.opened = time.monotonic()
        self._give_back = give_back
        self._cursors: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        """A cursor of the connection, remembered."""
        self._cursors.append(self.connection.cursor(*arguments, **options))
        return self._cursors[-1]

    def is_young(self) -> bool:
        """Whether it may be used once more."""
        return time.monotonic() - self.opened < LONGEST_SECONDS

    def close(self) -> None:
        """Give it back, or end it where it does not answer any more."""
        cursors, self._cursors = self._cursors, []
        try:
            for cursor in cursors:
                cursor.close()
        except BROKEN:
            self.end()
        else:
            self._give_back(self)

    def end(self) -> None:
        """Close it for good; the gateway may have gone before."""
        with suppress(*BROKEN):
            self.connection.close()


class Pool:
    """Idle sessions by what they were opened with."""

    def __init__(self, connect: Callable[..., Any]) -> None:
        self._connect = connect
        self._idle: dict[str, list[Session]] = {}
        self._lock = threading.Lock()

    def take(self, **options: Any) -> Session:
        """An idle session, in its own schema again; else a new one."""
        name = repr(sorted(options.items()))
        while (session := self._pop(name)) is not None:
            if session.is_young():
                try:
                    cursor = session.connection.cursor()
                    cursor.execute(f"use `{options.get('database') or 'default'}`")
                    cursor.close()
                    return session
                except BROKEN as error:  # the gateway was started anew, or ended the session
                    logger.info("a kept session is gone: %s", error)
            session.end()
        return Session(self._connect(**options), lambda given: self._push(name, given))

    def _pop(self, name: str) -> Session | None:
        with self._lock:
            idle = self._idle.get(name, [])
            return idle.pop() if idle else None

    def _push(self, name: str, session: Session) -> None:
        with self._lock:
            idle = self._idle.setdefault(name, [])
            if session.is_young() and len(idle) < MOST_IDLE:
                idle.append(session)
                return
        session.end()
