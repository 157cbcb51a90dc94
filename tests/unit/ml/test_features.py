"""Which customers a model may learn from."""

from ml.features import teaching


def test_made_customers_teach_nothing_beside_real_ones() -> None:
    assert teaching(["online_retail", "simulator", "web"]) == ["online_retail", "web"]
    assert teaching(["simulator"]) == ["simulator"]
    assert teaching([]) == []
