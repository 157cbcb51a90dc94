"""How far an interrupted replay came, kept in small files under the state folder."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from lakehouse.settings import Settings


@dataclass(frozen=True)
class Bookmark:
    """How many records of one input, under one choice of days and limit, Kafka has acknowledged."""

    file: Path

    @classmethod
    def of(
        cls, settings: Settings, source: str, inputs: Iterable[Path], choice: tuple[Any, ...]
    ) -> "Bookmark":
        """The bookmark of these very files: a changed file has another one."""
        facts = []
        for file in inputs:
            with suppress(FileNotFoundError):
                stat = file.stat()
                facts.append((str(file.resolve()), stat.st_size, stat.st_mtime_ns))
        key = blake2b(repr((facts, choice)).encode(), digest_size=8).hexdigest()
        return cls(settings.state / "replay" / f"{source}-{key}.json")

    def read(self) -> int:
        """Records acknowledged; 0 where there is no bookmark."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            return int(json.loads(self.file.read_text())["records"])
        return 0

    def save(self, records: int) -> None:
        """Whole or not at all."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps({"records": records}))
        draft.replace(self.file)

    def remove(self) -> None:
        """The next replay starts anew."""
        self.file.unlink(missing_ok=True)
