"""The JVM parts: fetched once by the Ivy that ships in pyspark, checked by our own hashes."""

import hashlib
import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path

from lakehouse.errors import UserError
from lakehouse.servers.java import ensure_java
from lakehouse.settings import Settings

IVY_FILE = Path(__file__).with_name("ivy.xml")
HASHES = Path(__file__).with_name("jars.sha256")


def pyspark_jars() -> Path:
    """Folder of the jars that the pyspark package ships."""
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise UserError("pyspark is not installed in this environment: run `make setup`.")
    return Path(spec.origin).parent / "jars"


def expected() -> dict[str, str]:
    """Path below the lib folder -> sha256, of every JVM part."""
    lines = (line.split() for line in HASHES.read_text().splitlines())
    return {path: digest for digest, path in lines}


def digests(folder: Path) -> dict[str, str]:
    """The same of what lies in a folder."""
    return {
        jar.relative_to(folder).as_posix(): hashlib.sha256(jar.read_bytes()).hexdigest()
        for jar in sorted(folder.glob("*/*.jar"))
    }


def installed(settings: Settings) -> bool:
    """Whether the parts in place are those of this version's hash list."""
    stamp = settings.lib / "jars.sha256"
    return stamp.exists() and stamp.read_bytes() == HASHES.read_bytes()


def require_parts(settings: Settings) -> None:
    """UserError unless the JVM parts are installed."""
    if not installed(settings):
        raise UserError(f"The JVM parts are not in {settings.lib}: run `make setup`.")


def retrieve(java_home: Path, target: Path) -> None:
    """Let Ivy fetch every part into `target`/{spark,kafka,hdfs}."""
    ivy = next(pyspark_jars().glob("ivy-*.jar"), None)
    if ivy is None:
        raise UserError("pyspark ships no Ivy any more: pin pyspark as requirements/lakehouse.txt does.")
    pattern = f"{target}/[conf]/[artifact]-[revision].[ext]"
    command = [java_home / "bin" / "java", "-jar", ivy, "-ivy", IVY_FILE, "-retrieve", pattern]
    done = subprocess.run(
        [*map(str, command), "-cache", str(target / "cache")], capture_output=True, text=True
    )
    if done.returncode:
        reason = next((line for line in done.stdout.splitlines() if "::" in line and "not found" in line), "")
        raise UserError(
            f"Ivy could not fetch the JVM parts ({reason.strip() or 'no answer'}): check the network."
        )


def install(settings: Settings) -> Path:
    """Java and the JVM parts, there and checked; returns Java's home. Does nothing the second time."""
    java_home = ensure_java(settings)
    if installed(settings):
        return java_home
    settings.lib.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.lib.parent) as temporary:
        fetched = Path(temporary) / "lib"
        retrieve(java_home, fetched)
        shutil.rmtree(fetched / "cache", ignore_errors=True)
        have, want = digests(fetched), expected()
        wrong = sorted(path for path in want.keys() | have.keys() if want.get(path) != have.get(path))
        if wrong:
            raise UserError(f"JVM parts differ from {HASHES.name}: {', '.join(wrong)}; none was installed.")
        shutil.copy(HASHES, fetched / "jars.sha256")
        shutil.rmtree(settings.lib, ignore_errors=True)
        fetched.rename(settings.lib)
    return java_home
