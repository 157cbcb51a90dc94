"""A PostgreSQL of the tests' own, and the small shop in it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

SHOP = """
    create table customers (id int primary key, email text, country text, city text, gender text,
        updated_at timestamptz not null default now());
    create table products (id text primary key, name text, category text, brand text, price numeric(10, 2),
        updated_at timestamptz not null default now());
    create table orders (id int primary key, customer_id int, status text not null default 'new',
        currency text, country text, created_at timestamptz not null default now());
    create table order_lines (order_id int references orders on delete cascade, line int, product_id text,
        quantity int, unit_price numeric(10, 2), primary key (order_id, line));
    create table payments (id int primary key, order_id int, status text, method text,
        amount numeric(10, 2), currency text, updated_at timestamptz not null default clock_timestamp());
    alter table payments replica identity full;
"""


@dataclass(frozen=True)
class Postgres:
    """A running server; each test has a database in it."""

    port: int

    def address(self, database: str = "postgres", user: str = "owner") -> str:
        """Its connection string, password included."""
        return f"postgresql://{user}:s3cret@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str, database: str = "postgres", user: str = "owner") -> list[Any]:
        """Each statement in a transaction of its own; rows of the last one."""
        rows: list[Any] = []
        with psycopg.connect(self.address(database, user), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    @contextmanager
    def shop(self, name: str) -> Iterator[str]:
        """A database with the shop's empty tables; gone afterwards, its slots as well."""
        self.run(f"create database {name}")
        try:
            self.run(SHOP, database=name)
            yield name
        finally:
            self.run(
                f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'",
                "select pg_drop_replication_slot(slot_name) from pg_replication_slots"
                f" where database = '{name}'",
                f"drop database {name} with (force)",
            )


def programs() -> Path | None:
    """Folder of the newest server that is installed; Debian keeps it off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def running(port: int, wal_level: str = "logical") -> Iterator[Postgres]:
    """A fresh server, stopped and deleted at the end; skips by name where PostgreSQL is not installed."""
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="lakehouse-postgres-"))
    # PostgreSQL refuses to run as root.
    who = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    if who:
        shutil.chown(folder, "nobody", "nogroup")
    data, secret = folder / "data", folder / "password"
    secret.write_text("s3cret")
    secret.chmod(0o644)

    def call(program: str, *arguments: str) -> None:
        command = [*who, str(binaries / program), "-D", str(data), *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        call(
            "initdb",
            "-U",
            "owner",
            "-A",
            "scram-sha-256",
            f"--pwfile={secret}",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        )
        options = f"-p {port} -h 127.0.0.1 -k {folder} -c wal_level={wal_level} -c fsync=off"
        call("pg_ctl", "-w", "-s", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield Postgres(port)
        finally:
            call("pg_ctl", "-w", "-s", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
