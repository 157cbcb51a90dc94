"""Find a Java that Spark, Kafka and HDFS all run on; install one where that is allowed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from lakehouse.errors import UserError
from lakehouse.settings import Settings

SUPPORTED = (17, 21)
PACKAGES = tuple(f"openjdk-{version}-jre-headless" for version in SUPPORTED)
REMEDY = "install Java 17 (Debian: apt-get install openjdk-17-jre-headless) or set LAKEHOUSE_JAVA_HOME"


def version_of(java: Path) -> int | None:
    """Major version that this `java` prints, or None when it does not run."""
    try:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(\d+)', shown.stderr)
    return int(found[1]) if found else None


def find_java_home(settings: Settings) -> Path:
    """Home of a supported Java: the setting, JAVA_HOME, then the path; else UserError."""
    if settings.java_home:
        candidates = [settings.java_home / "bin" / "java"]
    else:
        named = [settings.system_java_home / "bin" / "java"] if settings.system_java_home else []
        on_path = shutil.which("java")
        installed = sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
        candidates = [*named, *([Path(on_path)] if on_path else []), *installed]
    seen: list[str] = []
    for java in candidates:
        version = version_of(java)
        if version in SUPPORTED:
            return java.resolve().parents[1]
        seen.append(f"{java} is {'not runnable' if version is None else f'version {version}'}")
    found = f"found only: {'; '.join(dict.fromkeys(seen))}" if seen else "found none"
    raise UserError(f"Java 17 or 21 is needed, {found}: {REMEDY}.")


def ensure_java(settings: Settings) -> Path:
    """As `find_java_home`, but asks the system's package manager first where that is allowed."""
    try:
        return find_java_home(settings)
    except UserError:
        if settings.java_home or os.geteuid() != 0 or not shutil.which("apt-get"):
            raise
    subprocess.run(["apt-get", "update", "-qq"], capture_output=True)
    for package in PACKAGES:
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
        if subprocess.run(command, capture_output=True).returncode == 0:
            break
    return find_java_home(settings)
