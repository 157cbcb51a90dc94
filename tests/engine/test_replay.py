"""A file replayed through Kafka into raw.events, twice."""

from pathlib import Path
from typing import Any

import pytest

from ingestion.sources.online_retail import COLUMNS

pytestmark = pytest.mark.engine

LINES = [
    "M536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom",
    "M536365,71053,LANTERN,6,2010-12-01 08:26:00,3.39,17850,United Kingdom",
    "M536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom",
    "CM536379,D,Discount,-1,2010-12-02 09:41:00,27.50,14527,United Kingdom",
    "M536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom",
    "M536544,22960,JAM,1,2010-12-03 14:32:00,8.47,,United Kingdom",
    "M536545,22960,JAM,many,2010-12-03 14:32:00,8.47,,United Kingdom",
]
# Invoices that no published file has: the real one may lie beside.
MADE = "source = 'online_retail' and properties.order_id like '%M536%'"
COUNTS = f"select count(*) as records, count(distinct event_id) as ids from raw.events where {MADE}"


def test_a_file_replayed_twice_lands_twice_under_the_same_ids(stack: Any, tmp_path: Path) -> None:
    file = tmp_path / "retail.csv"
    file.write_text("\n".join([",".join(COLUMNS), *LINES, ""]))
    found = []
    for _ in range(2):
        done = stack.run("lakehouse", "replay", "online_retail", str(file))
        assert "rejected" in done.stdout
        stack.wait_landed()
        found += stack.query(COUNTS)
    assert found == [{"records": 6, "ids": 6}, {"records": 12, "ids": 6}]
    identical = stack.query(
        f"select distinct event_id, occurrence from raw.events where {MADE}"
        " and properties.lines[0].product_id = '85123A' order by occurrence"
    )
    assert [row["occurrence"] for row in identical] == [1, 2, 3]
    assert len({row["event_id"] for row in identical}) == 3
    refused = stack.query(
        "select count(*) as records, count_if(exists(rejection_reasons, r -> r like '%quantity%')) as named"
        " from raw.events where source = 'online_retail' and not is_accepted and payload like '%M536%'"
    )
    assert refused == [{"records": 2, "named": 2}]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("absent.csv", None, "absent.csv"),
        ("other.csv", b"a,b\n1,2\n", "InvoiceNo"),
        ("short.csv", ",".join(COLUMNS).encode() + b"\n1,2,3\n", "line 2"),
        ("latin.csv", ",".join(COLUMNS).encode() + b"\n1,A,caf\xe9,1,2010-12-01 08:26:00,1,1,X\n", "UTF-8"),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00cut", "cut.csv.gz"),
        ("file.txt", b"x", ".csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(
    stack: Any, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    done = stack.run("lakehouse", "replay", "online_retail", str(file), check=False)
    assert done.returncode == 1
    assert said in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
