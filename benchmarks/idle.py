"""What a running lakehouse costs while nothing happens: `python -m benchmarks.idle`.

Asks the supervisor of the lakehouse that the settings name, so `LAKEHOUSE_STATE` chooses another.
"""

import argparse
import time
from typing import Any

from benchmarks import machine
from lakehouse import printing
from lakehouse.errors import UserError
from lakehouse.servers import stack
from lakehouse.settings import Settings, get_settings


def measure(settings: Settings, seconds: float) -> list[dict[str, Any]]:
    """Memory and share of one core, of each server with all that it started."""
    pids = {process["name"]: process["pid"] for process in stack.processes(settings) if process["pid"]}
    if not pids:
        raise UserError(f"Nothing runs from {settings.state}: start it with `lakehouse up`.")
    before = {name: machine.cpu_seconds(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    return [
        {
            "server": name,
            "memory_mib": round(machine.resident_mib(pid)),
            "cpu_percent": round(100 * (machine.cpu_seconds(pid) - before[name]) / seconds, 1),
        }
        for name, pid in sorted(pids.items())
    ]


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long to watch (default: 60)")
    settings = get_settings()
    about = machine.facts(settings)
    try:
        seconds = parser.parse_args().seconds
        rows = measure(settings, seconds)
    except UserError as error:
        raise SystemExit(str(error)) from None
    machine.keep("idle", {"machine": about, "seconds": seconds, "idle": rows})
    total = {column: round(sum(row[column] for row in rows), 1) for column in ("memory_mib", "cpu_percent")}
    printing.show_table([*rows, {"server": "all", **total}])


if __name__ == "__main__":
    main()
