"""HDFS as a store of models, and what training says where it cannot begin."""

from typing import Any

import pytest

from lakehouse.errors import UserError
from lakehouse.store import WebHdfsStore
from ml import features
from ml.train import train

pytestmark = pytest.mark.engine

MODEL = "customer_segment"


def test_webhdfs_keeps_the_contract_of_a_store(stack: Any) -> None:
    store = WebHdfsStore(stack.settings.webhdfs, "/tmp/lakehouse_store_test")
    try:
        store.write("m/.new/a b.json", b"1")
        store.rename("m/.new", "m/v1")
        store.write("m/.new/a.json", b"2")
        with pytest.raises(FileExistsError):
            store.rename("m/.new", "m/v1")
        assert store.names("m") == [".new", "v1"]
        assert store.names("m/v1") == ["a b.json"]
        assert store.read("m/v1/a b.json") == b"1"
        store.write("m/v1/a b.json", b"3")
        assert store.read("m/v1/a b.json") == b"3"
        assert store.names("nowhere") == []
        with pytest.raises(FileNotFoundError):
            store.read("m/v2/a.json")
        store.delete("m/.new")
        store.delete("m/.new")
        assert store.names("m") == ["v1"]
    finally:
        store.delete("")


def test_training_without_features_says_what_to_run(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "CUSTOMER_FEATURES", "marts.not_built")
    with pytest.raises(UserError, match=r"marts.not_built does not exist yet: run `dbt build`"):
        train(MODEL, stack.settings)


def test_training_without_a_gateway_says_how_to_start_one(stack: Any) -> None:
    away = stack.settings.model_copy(update={"connect_port": 1})
    with pytest.raises(UserError, match="lakehouse up"):
        train(MODEL, away)
