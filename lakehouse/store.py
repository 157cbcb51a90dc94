"""Whole small files on HDFS through WebHDFS, or in a folder.

Standard library only: Python workers of the gateway and of landing import it.
"""

import json
import os
import shutil
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from urllib.request import ProxyHandler, Request, build_opener

from lakehouse.errors import UserError

USER = "lakehouse"  # whom HDFS takes us for, as in the other servers
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Store(Protocol):
    """Small files under one root. Paths are relative; what is missing raises FileNotFoundError."""

    def read(self, path: str) -> bytes: ...

    def write(self, path: str, data: bytes) -> None:
        """Write a file and its folders."""

    def names(self, path: str) -> list[str]:
        """Names in a folder, sorted; none when there is no such folder."""

    def rename(self, source: str, target: str) -> None:
        """Move a folder in one step; FileExistsError when the target is there already."""

    def delete(self, path: str) -> None:
        """Remove a file or folder with all it holds, if it is there."""


class DirectoryStore:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def names(self, path: str) -> list[str]:
        folder = self.root / path
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    def rename(self, source: str, target: str) -> None:
        if (self.root / target).exists():
            raise FileExistsError(target)
        os.rename(self.root / source, self.root / target)

    def delete(self, path: str) -> None:
        shutil.rmtree(self.root / path, ignore_errors=True)


class WebHdfsStore:
    """A folder of HDFS."""

    def __init__(self, url: str, root: str, timeout: float = 30.0) -> None:
        self.url = url
        self.root = root.rstrip("/")
        self.timeout = timeout
        self._opener = build_opener(ProxyHandler({}))  # never through a proxy of the environment

    def read(self, path: str) -> bytes:
        return self._send("GET", self._datanode("GET", path, op="OPEN"))

    def write(self, path: str, data: bytes) -> None:
        # the NameNode makes missing folders; it leaves the data to the DataNode that it names
        self._send("PUT", self._datanode("PUT", path, op="CREATE", overwrite="true"), data)

    def names(self, path: str) -> list[str]:
        try:
            answer = self._call("GET", path, op="LISTSTATUS")
        except FileNotFoundError:
            return []
        return sorted(entry["pathSuffix"] for entry in answer["FileStatuses"]["FileStatus"])

    def rename(self, source: str, target: str) -> None:
        # with renameoptions an existing folder is an error; without, HDFS would move into it
        destination = f"{self.root}/{target}"
        self._call("PUT", source, op="RENAME", destination=destination, renameoptions="NONE")

    def delete(self, path: str) -> None:
        self._call("DELETE", path, op="DELETE", recursive="true")

    def _datanode(self, method: str, path: str, **query: str) -> str:
        """Address of the DataNode for a file's data.

        A loopback lakehouse stays on loopback: the host name that a DataNode reports may resolve
        to an address on which it does not listen.
        """
        location = urlsplit(self._call(method, path, noredirect="true", **query)["Location"])
        host = urlsplit(self.url).hostname or ""
        if host in LOOPBACK:
            location = location._replace(netloc=f"{host}:{location.port}")
        return str(urlunsplit(location))

    def _call(self, method: str, path: str, **query: str) -> Any:
        query["user.name"] = USER
        url = f"{self.url}{quote(f'{self.root}/{path}')}?{urlencode(query)}"
        return json.loads(self._send(method, url) or b"{}")

    def _send(self, method: str, url: str, data: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/octet-stream"} if data is not None else {}
        request = Request(url, data=data, method=method, headers=headers)
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                content: bytes = answer.read()
                return content
        except HTTPError as error:
            raise hdfs_error(error) from None
        except (URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            raise UserError(
                f"HDFS does not answer at {self.url} ({reason}): is `lakehouse up` running?"
            ) from None


def hdfs_error(error: HTTPError) -> Exception:
    """What HDFS means by an HTTP error, as the exception that Python has for it."""
    try:
        remote = json.loads(error.read())["RemoteException"]
        kind, message = str(remote["exception"]), str(remote["message"]).splitlines()[0]
    except (ValueError, KeyError, IndexError):
        kind, message = f"HTTP {error.code}", str(error.reason)
    if kind == "FileNotFoundException":
        return FileNotFoundError(message)
    if kind == "FileAlreadyExistsException":
        return FileExistsError(message)
    return UserError(f"HDFS refused a file ({kind}): {message}")
