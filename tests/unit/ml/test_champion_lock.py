"""What serves is changed by one at a time."""

import subprocess
import sys
import time
from pathlib import Path

from lakehouse.settings import ROOT, Settings
from ml.catalog import alone

# Says when it is in, stays for a while, and says when it goes.
OTHER = """
import time
from pathlib import Path
from lakehouse.settings import Settings
from ml.catalog import alone
with alone(Settings(state=Path({state!r}))):
    print("in", flush=True)
    time.sleep({seconds})
    Path({state!r}, "left").touch()
"""


def other(state: Path, seconds: float) -> subprocess.Popen[str]:
    """Another process that is in."""
    code = OTHER.format(state=str(state), seconds=seconds)
    started = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "in\n"
    return started


def test_another_process_is_waited_for(tmp_path: Path) -> None:
    with other(tmp_path, 0.5) as process, alone(Settings(state=tmp_path)):
        assert (tmp_path / "left").exists()
    assert process.returncode == 0


def test_who_dies_gives_the_lock_back(tmp_path: Path) -> None:
    process = other(tmp_path, 60)
    process.kill()
    began = time.monotonic()
    with process, alone(Settings(state=tmp_path)):
        assert time.monotonic() - began < 30
    assert not (tmp_path / "left").exists()
