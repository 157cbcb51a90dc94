"""Which version a rollback goes to."""

from pathlib import Path

import pytest

from lakehouse.errors import UserError
from lakehouse.settings import Settings
from ml.versions import card, served_before, side_by_side

ACTIONS = {"<": "rolled back", "?": "refused", "=": "kept"}


def history(*steps: str) -> list[dict[str, str]]:
    """`v2` is a promotion of it, `<v1` a rollback to v1, `?v2` a refusal of v2, `=v1` keeps v1."""
    return [{"version": step.lstrip("<?="), "action": ACTIONS.get(step[0], "promoted")} for step in steps]


@pytest.mark.parametrize(
    ("steps", "serving", "before"),
    [
        ([], None, None),
        (["v1"], "v1", None),
        (["v1", "v2"], "v2", "v1"),
        (["v1", "v2", "v3"], "v3", "v2"),
        (["v1", "v2", "v3", "<v2"], "v2", "v1"),
        (["v1", "v2", "v3", "<v2", "<v1"], "v1", None),
        (["v1", "v2", "<v1", "v3"], "v3", "v1"),
        (["v1", "v2", "v1"], "v1", "v2"),
        # v2 and v3 were recorded, and the switch to them never came
        (["v1", "v2"], "v1", None),
        (["v0", "v1", "v2", "v3"], "v1", "v0"),
        (["v1", "v2", "<v1"], "v2", "v1"),
        (["v1", "?v2", "v3", "?v4", "=v3"], "v3", "v1"),
        # what serves was promoted without a record: the last on record served before
        (["v1", "v2"], "v7", "v2"),
    ],
)
def test_a_rollback_takes_the_last_promotion_off(steps: list[str], serving: str, before: str) -> None:
    assert served_before(history(*steps), serving) == before


def test_a_metric_that_one_version_lacks_stays_empty() -> None:
    rows = side_by_side([{"a": 1.0}, {"a": 2.0, "b": 3.0}], ("v1", "v2"))
    assert rows == [{"metric": "a", "v1": 1.0, "v2": 2.0}, {"metric": "b", "v1": None, "v2": 3.0}]


def test_a_name_without_a_model_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model 'churn'; there are association_rules, cart_conversion_"):
        card("churn", None, Settings(state=tmp_path))
