"""What readers may read at the gateway is what boards show, and no more."""

from lakehouse import rights
from lakehouse.assets import of_kind, read

DATASETS = {
    f"{dataset['schema']}.{dataset['table_name']}" for dataset in of_kind(read()[0], "datasets").values()
}


def test_readers_may_read_every_dataset() -> None:
    closed = {
        name for name in DATASETS if name.split(".")[0] not in rights.SCHEMAS and name not in rights.TABLES
    }
    assert closed == set()


def test_of_other_schemas_they_may_read_datasets_alone() -> None:
    assert set(rights.TABLES) - DATASETS == set()
