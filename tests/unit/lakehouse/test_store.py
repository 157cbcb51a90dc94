"""Stores: a folder keeps the contract; WebHDFS says what is wrong in one sentence."""

import socket
from email.message import Message
from io import BytesIO
from pathlib import Path
from urllib.error import HTTPError

import pytest

from lakehouse.errors import UserError
from lakehouse.store import DirectoryStore, WebHdfsStore, hdfs_error


def test_a_folder_moves_in_one_step_and_never_over_another(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.write("m/.new/a.json", b"1")
    store.rename("m/.new", "m/v1")
    store.write("m/.new/a.json", b"2")
    with pytest.raises(FileExistsError):
        store.rename("m/.new", "m/v1")
    assert store.read("m/v1/a.json") == b"1"
    store.delete("m/.new")
    assert store.names("m") == ["v1"]
    assert store.names("elsewhere") == []


def test_hdfs_away_is_one_sentence_with_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = WebHdfsStore(f"http://127.0.0.1:{port}/webhdfs/v1", "/models")
    with pytest.raises(UserError, match=rf"HDFS does not answer at http://127.0.0.1:{port}.*lakehouse up"):
        store.read("a")


def remote(kind: str) -> HTTPError:
    body = f'{{"RemoteException": {{"exception": "{kind}", "message": "first\\nsecond"}}}}'
    return HTTPError("http://x", 403, "Forbidden", Message(), BytesIO(body.encode()))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("FileNotFoundException", FileNotFoundError),
        ("FileAlreadyExistsException", FileExistsError),
        ("AccessControlException", UserError),
    ],
)
def test_errors_of_hdfs_become_those_of_python(kind: str, expected: type[Exception]) -> None:
    error = hdfs_error(remote(kind))
    assert type(error) is expected
    assert "first" in str(error)
    assert "second" not in str(error)


def test_an_answer_that_is_not_of_hdfs_is_still_one_sentence() -> None:
    error = hdfs_error(HTTPError("http://x", 502, "Bad Gateway", Message(), BytesIO(b"<html>")))
    assert str(error) == "HDFS refused a file (HTTP 502): Bad Gateway"
