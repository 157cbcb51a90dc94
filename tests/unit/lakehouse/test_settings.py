"""Settings: defaults, variables, and what derives from them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from lakehouse.errors import UserError
from lakehouse.settings import ROOT, Settings, get_settings


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where nobody has chosen anything."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LAKEHOUSE_{name.upper()}", raising=False)


def test_everything_is_on_loopback_and_below_one_folder_by_default() -> None:
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.state == ROOT / ".lakehouse" / "state"
    assert settings.logs.is_relative_to(settings.state)


def test_every_port_has_a_default_of_its_own() -> None:
    settings = Settings()
    ports = [value for name, value in settings.model_dump().items() if name.endswith("_port")]
    assert len(ports) == len(set(ports)) == 9


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_a_variable_overrides_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_KAFKA_PORT", "19092")
    monkeypatch.setenv("LAKEHOUSE_HOST", "127.0.0.2")
    assert Settings().kafka_bootstrap == "127.0.0.2:19092"


@pytest.mark.parametrize(
    ("name", "value"), [("KAFKA_PORT", "abc"), ("DATANODES", "0"), ("LANDING_INTERVAL_SECONDS", "3")]
)
def test_a_value_that_makes_no_sense_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"LAKEHOUSE_{name}", value)
    get_settings.cache_clear()
    with pytest.raises(UserError, match=f"LAKEHOUSE_{name}={value} cannot be used"):
        get_settings()
    get_settings.cache_clear()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().kafka_port = 1  # type: ignore[misc]


def test_a_changed_copy_leaves_the_first_as_it_was(tmp_path: Path) -> None:
    first = Settings(state=tmp_path)
    second = first.replace(datanodes=4)
    assert (first.datanodes, second.datanodes, second.state) == (1, 4, tmp_path)


@pytest.mark.parametrize(("datanodes", "replication"), [(1, 1), (2, 2), (3, 3), (4, 3), (9, 3)])
def test_replication_follows_the_datanodes(datanodes: int, replication: int) -> None:
    assert Settings(datanodes=datanodes).replication == replication
