"""dbt against servers of a benchmark's own."""

import subprocess
import sys
from pathlib import Path

from lakehouse.servers import stack
from lakehouse.servers.java import find_java_home
from lakehouse.settings import ROOT, Settings


def run_dbt(settings: Settings, target: str, *arguments: str) -> None:
    """A dbt command that keeps its files in a folder; the benchmark ends where it fails."""
    program = Path(sys.executable).with_name("dbt")
    command = [str(program), "--no-use-colors", "--log-path", target, *arguments, "--target-path", target]
    own = stack.environment(settings, find_java_home(settings))
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
