"""Superset is prepared once, with secrets of its own, and started with everything it reads."""

import stat
from pathlib import Path

import pytest

from lakehouse.errors import UserError
from lakehouse.servers import superset
from lakehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A lakehouse whose Superset was never installed, beside metadata that somebody prepared."""
    lib = tmp_path / "lib"
    lib.mkdir()
    (lib / f"superset-{superset.metadata_version()}.db").write_text("metadata")
    return Settings(state=tmp_path / "state", lib=lib, superset_venv=tmp_path / "nowhere")


def test_a_second_lakehouse_copies_the_metadata_instead_of_migrating(settings: Settings) -> None:
    superset.prepare(settings)
    assert (superset.home(settings) / "superset.db").read_text() == "metadata"


def test_prepared_metadata_is_left_alone(settings: Settings) -> None:
    superset.prepare(settings)
    metadata = superset.home(settings) / "superset.db"
    metadata.write_text("boards of a user")
    superset.prepare(settings)
    assert metadata.read_text() == "boards of a user"


def test_secrets_are_made_once_and_readable_by_their_owner_alone(settings: Settings) -> None:
    superset.prepare(settings)
    files = [superset.home(settings) / name for name in ("secret_key", "admin_password")]
    first = [file.read_text() for file in files]
    (superset.home(settings) / "prepared").unlink()
    (superset.home(settings) / "superset.db").unlink()
    superset.prepare(settings)
    assert [file.read_text() for file in files] == first
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert superset.admin_password(settings) == first[1]
    assert len(first[0]) >= 42
    assert len(first[1]) >= 15


def test_two_lakehouses_have_different_secrets(settings: Settings, tmp_path: Path) -> None:
    other = settings.model_copy(update={"state": tmp_path / "other"})
    superset.prepare(settings)
    superset.prepare(other)
    assert superset.admin_password(settings) != superset.admin_password(other)


def test_metadata_of_another_version_is_migrated(settings: Settings) -> None:
    """Not overwritten: here the migration stops at the missing environment, the data stays."""
    superset.prepare(settings)
    (superset.home(settings) / "prepared").write_text("an older version")
    with pytest.raises(UserError, match="run `make setup`"):
        superset.prepare(settings)
    assert (superset.home(settings) / "superset.db").exists()


def test_a_missing_installation_is_one_clear_sentence(settings: Settings) -> None:
    with pytest.raises(UserError, match=r"Superset is not installed in .*nowhere: run `make setup`"):
        superset.command(settings)


def test_the_password_before_the_first_start_is_one_clear_sentence(settings: Settings) -> None:
    with pytest.raises(UserError, match="lakehouse up"):
        superset.admin_password(settings)


def test_nothing_is_up_where_nothing_listens(settings: Settings) -> None:
    assert not superset.is_up(settings.model_copy(update={"superset_port": 1}))


def test_the_configuration_finds_every_variable_it_demands(settings: Settings) -> None:
    config = (superset.FOLDER / "superset_config.py").read_text()
    given = superset.environment(settings)
    for name in ("LAKEHOUSE_SUPERSET_HOME", "LAKEHOUSE_SUPERSET_PORT", "LAKEHOUSE_SUPERSET_DATABASE"):
        assert name in config
        assert name in given
    assert given["PYTHONPATH"] == str(superset.FOLDER)
