"""What the supervisor runs: one program is one process with its own log."""

from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.settings import Settings


@dataclass(frozen=True)
class Program:
    """A supervised process: how to start it and how long it may take to stop."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    stop_seconds: int = 30


def java_command(java_home: Path, memory: str, classpath: list[str], main: str, *args: str) -> list[str]:
    """A small, quiet JVM: serial collector, no perf file, exit when memory runs out."""
    return [
        str(java_home / "bin" / "java"),
        f"-Xmx{memory}",
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.net.preferIPv4Stack=true",
        *(arg for arg in args if arg.startswith("-D")),
        "-cp",
        ":".join(classpath),
        main,
        *(arg for arg in args if not arg.startswith("-D")),
    ]


def jars(settings: Settings, part: str) -> str:
    """Class path entry of one part's jars: spark, kafka or hdfs."""
    return f"{settings.lib / part}/*"
