"""What counts as a change when boards come back from Superset."""

from pathlib import Path
from typing import Any

import pytest

from lakehouse.dashboard_pull import pull, settled
from lakehouse.errors import UserError
from lakehouse.servers import superset
from lakehouse.settings import Settings


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ({"a": 1}, {"a": 1, "b": None, "c": [], "d": {"e": ""}}, {"a": 1}),
        ({"a": []}, {}, {"a": []}),
        ({"a": []}, {"a": None}, {"a": []}),
        ({"a": 1}, {}, {}),
        ({"a": 1}, {"a": 0, "b": False}, {"a": 0, "b": False}),
        ({"a": [1]}, {"a": []}, {"a": []}),
        ([{"id": 1, "a": []}], [{"id": 2, "b": None}, {"id": 1}], [{"id": 2}, {"id": 1, "a": []}]),
    ],
)
def test_what_is_empty_counts_as_what_is_not_there(old: Any, new: Any, kept: Any) -> None:
    assert settled(old, new) == kept


def test_a_superset_that_is_away_is_one_clear_sentence(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, superset_port=1)
    superset.home(settings).mkdir()
    (superset.home(settings) / "admin_password").write_text("secret")
    with pytest.raises(UserError, match=r"Superset does not answer at http://127.0.0.1:1 .*lakehouse up"):
        pull(settings)
