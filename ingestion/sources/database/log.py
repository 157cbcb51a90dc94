"""The shop's database and its log: who may read it, from where on, and how far we have read.

What was read is kept by the database itself, in a replication slot. While the snapshot is under way the slot
has a name of its own: a broken-off snapshot is begun anew, and changes since the slot was made wait in it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import psycopg
from psycopg import errors, sql

from ingestion.sources.database.pgoutput import Name, Transaction, transactions
from ingestion.sources.database.tables import Connection
from lakehouse.errors import UserError
from lakehouse.settings import Settings

OLDEST_VERSION = 130_000
CONNECT_SECONDS = 10
FETCHED_AT_ONCE = 500
VISIBLE_SECONDS = 0.02
EPOCH_MASK = 2**32 - 1
# The server goes on with these by itself; what else it refuses at the door, somebody has to mend.
PASSING = (
    "starting up",
    "shutting down",
    "recovery",
    "too many",
    "remaining connection slots",
    "terminating",
)


class DatabaseAwayError(UserError):
    """The database cannot be reached now; later it may."""


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """A connection to the shop's database; whatever goes wrong with it is a sentence without its password."""
    if not settings.database:
        raise UserError(
            "LAKEHOUSE_DATABASE is not set: give it the connection string of the shop's database."
        )
    try:
        with _connect(settings.database.get_secret_value()) as connection:
            yield connection
    except (
        errors.ObjectInUse,
        errors.ObjectNotInPrerequisiteState,
        errors.ConfigurationLimitExceeded,
    ) as error:
        raise UserError(f"The database refuses: {_said(error)}.") from error
    except psycopg.OperationalError as error:
        raise DatabaseAwayError(f"The database broke off: {_said(error)}.") from error
    except errors.UndefinedObject as error:  # as a rule the slot, dropped by somebody else
        raise UserError(
            f"The database refuses: {_said(error)}; a new start takes a new snapshot, "
            "and cannot tell what was deleted before it."
        ) from error
    except errors.InsufficientPrivilege as error:
        raise UserError(
            f"The database refuses: {_said(error)}; which rights it takes: docs/data.md, 'From a database'."
        ) from error
    except psycopg.Error as error:
        raise UserError(f"The database refuses: {_said(error)}; mend the mapping or the tables.") from error


def _connect(address: str) -> Connection:
    try:
        connection = psycopg.connect(
            address,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            keepalives_idle=30,
            fallback_application_name="lakehouse",
        )
    except psycopg.ProgrammingError:  # its message quotes what it could not read
        raise UserError(
            "LAKEHOUSE_DATABASE is no connection string, such as "
            "postgresql://user@host/shop, 'host=... dbname=shop user=...' or 'service=shop'."
        ) from None
    except psycopg.OperationalError as error:
        said = _said(error)
        if "FATAL" in said and not any(word in said for word in PASSING):
            raise UserError(f"The database does not let us in: {said}; mend LAKEHOUSE_DATABASE.") from None
        raise DatabaseAwayError(f"The database does not answer: {said}.") from None
    if connection.info.server_version < OLDEST_VERSION:
        raise UserError("The database is older than PostgreSQL 13: capture needs 13 or later.")
    # Text that Python reads, whatever the server's own taste.
    connection.execute("set timezone to 'UTC'")
    connection.execute("set datestyle to 'ISO'")
    return connection


def _said(error: psycopg.Error) -> str:
    return " ".join((error.diag.message_primary or str(error)).split()).rstrip(".")


class Log:
    """The changes of the captured tables since the slot was made, read without being lost."""

    def __init__(self, connection: Connection, source: str, tables: set[Name]) -> None:
        self._connection, self._tables = connection, tables
        self.name = f"lakehouse_{source}"
        self._snapshot_name = f"{self.name}_snapshot"
        self._reached = 0
        self.has_more = False

    def lock(self) -> None:
        """UserError where another capture of this source is at work; ends with the connection."""
        if not self._one("select pg_try_advisory_lock(hashtext(%s))", self.name):
            raise DatabaseAwayError(f"Another capture of {self.name} is at work; see `lakehouse status`.")

    def prepare(self) -> bool:
        """Makes publication and slot where they are missing; True where the snapshot is still to be taken."""
        if self._exists(self.name):
            self._require_intact(self.name)
            self._require_published("`lakehouse capture --drop` and a new start take a new snapshot")
            if self._exists(self._snapshot_name):  # we died between the copy and this
                self._drop_slot(self._snapshot_name)
            return False
        if (level := self._one("show wal_level")) != "logical":
            raise UserError(
                f"The database keeps too little in its log (wal_level is {level}): "
                "set `wal_level = logical` in postgresql.conf and restart it."
            )
        self._publish()
        if self._exists(self._snapshot_name):
            self._require_intact(self._snapshot_name)
        else:
            self._connection.execute(
                "select pg_create_logical_replication_slot(%s, 'pgoutput')", (self._snapshot_name,)
            )
        return True

    def snapshot_position(self) -> int:
        """Where the log begins for us: a snapshot taken later holds all before it."""
        return _position(
            self._one(
                "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = %s",
                self._snapshot_name,
            )
        )

    def snapshot_taken(self) -> None:
        """From now on the log goes on where the snapshot's slot was made."""
        self._connection.execute(
            "select pg_copy_logical_replication_slot(%s, %s)", (self._snapshot_name, self.name)
        )
        self._drop_slot(self._snapshot_name)

    def transactions(self, most: int) -> Iterator[Transaction]:
        """Those with some `most` changes, or one with more; they come again until `advance`."""
        until = str(self._one("select pg_current_wal_flush_lsn()::text"))
        end = 0
        with self._connection.transaction(), self._connection.cursor("lakehouse_log", binary=True) as cursor:
            cursor.itersize = FETCHED_AT_ONCE
            cursor.execute(
                "select data from pg_logical_slot_peek_binary_changes(%s::name, %s::pg_lsn, %s::int4,"
                " 'proto_version', '1', 'publication_names', %s::text)",
                (self.name, until, most, self.name),
            )
            for transaction in transactions((data for (data,) in cursor), most):
                yield transaction
                end = transaction.end or end
            self.has_more = (cursor.rownumber or 0) >= most
        self._reached = end if self.has_more else max(end, _position(until))

    def advance(self) -> None:
        """What the last `transactions` gave is done with: the database may forget it."""
        reached = _written(self._reached)
        self._connection.execute(
            "select pg_replication_slot_advance(slot_name, %s::pg_lsn) from pg_replication_slots"
            " where slot_name = %s and confirmed_flush_lsn < %s::pg_lsn",
            (reached, self.name, reached),
        )

    def wait_visible(self, xids: set[int]) -> None:
        """Until queries see these transactions: the log has a commit a moment before everybody else."""
        while not all(map(_visibility(str(self._one("select pg_current_snapshot()::text"))), xids)):
            time.sleep(VISIBLE_SECONDS)

    def drop(self) -> list[str]:
        """Removes slots and, where it is ours, the publication; what was removed."""
        gone = [name for name in (self.name, self._snapshot_name) if self._exists(name)]
        for name in gone:
            self._drop_slot(name)
        if self._published() is not None:
            with suppress(errors.InsufficientPrivilege):
                self._connection.execute(sql.SQL("drop publication {}").format(sql.Identifier(self.name)))
                gone.append(f"publication {self.name}")
        return gone

    def now(self) -> datetime:
        """The database's clock."""
        at = self._one("select now()")
        assert isinstance(at, datetime)
        return at

    def _publish(self) -> None:
        if self._published() is None:
            tables = sql.SQL(", ").join(sql.Identifier(*name) for name in sorted(self._tables))
            statement = sql.SQL(
                "create publication {} for table {} with (publish = 'insert, update, delete, truncate', "
                "publish_via_partition_root = true)"
            ).format(sql.Identifier(self.name), tables)
            try:
                self._connection.execute(statement)
            except errors.InsufficientPrivilege:
                raise UserError(
                    "The capture's user may not publish the tables; let their owner do it: "
                    f"{statement.as_string(self._connection)};"
                ) from None
        self._require_published(f"add it: `ALTER PUBLICATION {self.name} ADD TABLE ...`")

    def _require_published(self, mend: str) -> None:
        if missing := sorted(".".join(name) for name in self._tables - (self._published() or set())):
            raise UserError(f"Publication {self.name} does not have {', '.join(missing)}; {mend}.")

    def _require_intact(self, slot: str) -> None:
        status, is_ours = self._connection.execute(
            "select wal_status, plugin = 'pgoutput' and database = current_database()"
            " from pg_replication_slots where slot_name = %s",
            (slot,),
        ).fetchone() or (None, False)
        if not is_ours:
            raise UserError(
                f"Slot {slot} is another program's, or another database's on the same server; "
                "set another LAKEHOUSE_DATABASE_SOURCE."
            )
        if status == "lost":
            raise UserError(
                f"The database gave up slot {slot}, since capture was away for too long "
                "(max_slot_wal_keep_size): `lakehouse capture --drop` and a new start take a new snapshot; "
                "what was deleted meanwhile it cannot tell."
            )

    def _published(self) -> set[Name] | None:
        if not self._one("select count(*) from pg_publication where pubname = %s", self.name):
            return None
        return set(
            self._connection.execute(
                "select schemaname::text, tablename::text from pg_publication_tables where pubname = %s",
                (self.name,),
            )
        )

    def _exists(self, slot: str) -> bool:
        return bool(self._one("select count(*) from pg_replication_slots where slot_name = %s", slot))

    def _drop_slot(self, slot: str) -> None:
        self._connection.execute("select pg_drop_replication_slot(%s)", (slot,))

    def _one(self, query: str, *parameters: str) -> object:
        row = self._connection.execute(query, parameters).fetchone()
        return None if row is None else row[0]


def _position(written: object) -> int:
    """A place in the log as a number: 16/B374D848 and later ones compare."""
    high, low = str(written).split("/")
    return int(high, 16) << 32 | int(low, 16)


def _written(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _visibility(snapshot: str) -> Callable[[int], bool]:
    """Which transactions a snapshot `xmin:xmax:running,running...` sees; xids of the log have no epoch."""
    _, first_unseen, running = snapshot.split(":")
    limit, unseen = int(first_unseen), {int(xid) & EPOCH_MASK for xid in running.split(",") if xid}
    return lambda xid: (limit - 1 - xid) & EPOCH_MASK < 2**31 and xid not in unseen
