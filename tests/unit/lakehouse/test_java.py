"""Which Java is taken, and what is said where there is none."""

from pathlib import Path

import pytest

from lakehouse.errors import UserError
from lakehouse.servers import java
from lakehouse.settings import Settings


def made_java(home: Path, script: str) -> Path:
    """A Java home whose `java` is a shell script."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return home


def version(number: str) -> str:
    return f"echo 'openjdk version \"{number}\" 2024-01-16' >&2"


@pytest.mark.parametrize(("shown", "major"), [("17.0.10", 17), ("21", 21), ("11.0.2", 11), ("1.8.0_392", 1)])
def test_the_major_version_is_read(tmp_path: Path, shown: str, major: int) -> None:
    assert java.version_of(made_java(tmp_path, version(shown)) / "bin" / "java") == major


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense >&2"])
def test_what_is_no_java_has_no_version(tmp_path: Path, script: str) -> None:
    assert java.version_of(made_java(tmp_path, script) / "bin" / "java") is None


def test_the_chosen_java_is_taken(tmp_path: Path) -> None:
    home = made_java(tmp_path / "jdk", version("17.0.1"))
    assert java.find_java_home(Settings(java_home=home)) == home


@pytest.mark.parametrize(
    ("script", "said"), [(version("11.0.2"), "is version 11"), ("exit 1", "is not runnable")]
)
def test_a_wrong_java_is_named_with_the_remedy(tmp_path: Path, script: str, said: str) -> None:
    home = made_java(tmp_path / "jdk", script)
    with pytest.raises(UserError, match=f"{home}/bin/java {said}: install Java 17"):
        java.find_java_home(Settings(java_home=home))


def test_an_empty_folder_is_no_java_and_nothing_else_is_taken(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="LAKEHOUSE_JAVA_HOME"):
        java.ensure_java(Settings(java_home=tmp_path))


def test_a_wrong_java_home_of_the_system_does_not_hide_a_good_one_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, good = made_java(tmp_path / "old", version("11")), made_java(tmp_path / "good", version("21.0.1"))
    monkeypatch.setenv("JAVA_HOME", str(old))
    monkeypatch.setenv("PATH", str(good / "bin"), prepend=":")
    assert java.find_java_home(Settings()) == good
