"""A shop's database as a source of the tests' lakehouse, and what is in it."""

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from ingestion.sources.database import capture
from lakehouse.settings import Settings
from tests.postgres import Postgres

ADA = 4711001
FILL = (
    f"insert into customers values ({ADA}, 'ada@example.org', 'Germany', 'Bonn', 'f', '2025-01-01T10:00Z')",
    "insert into products values ('p1', 'Pan', 'kitchen', 'acme', 5.5, '2025-01-01T10:00Z')",
    f"insert into orders values (7, {ADA}, 'new', 'EUR', 'Germany', '2025-01-02T10:00Z')",
    "insert into order_lines values (7, 1, 'p1', 2, 5.5), (7, 2, 'p1', 1, 5)",
    "insert into payments values (3, 7, 'pending', 'card', 16, 'EUR')",
)


@dataclass(frozen=True)
class Shop:
    """A shop's database and its source in the lakehouse."""

    stack: Any
    postgres: Postgres
    name: str
    settings: Settings

    @property
    def variables(self) -> dict[str, str]:
        """What a program of its own is given."""
        return {
            "LAKEHOUSE_DATABASE": self.postgres.address(self.name),
            "LAKEHOUSE_DATABASE_SOURCE": self.name,
        }

    def run(self, *statements: str, user: str = "owner") -> list[Any]:
        return self.postgres.run(*statements, database=self.name, user=user)

    def capture(self, **changes: Any) -> capture.CaptureResult:
        return capture.once(self.settings.replace(**changes), lambda line: None)

    def as_user(self, user: str) -> SecretStr:
        return SecretStr(self.postgres.address(self.name, user))

    def landed(self, columns: str, where: str = "true") -> list[dict[str, Any]]:
        self.stack.wait_landed()
        return self.stack.query(
            f"select {columns} from raw.events where source = '{self.settings.database_source}' and {where}"
        )
