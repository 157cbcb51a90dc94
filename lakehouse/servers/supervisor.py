"""Supervision by supervisord: its configuration, and a client for its socket."""

import configparser
import os
import subprocess
import sys
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import Fault, ProtocolError, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from lakehouse.errors import UserError
from lakehouse.servers.program import Program
from lakehouse.settings import Settings

# Linux refuses longer socket paths.
LONGEST_SOCKET_PATH = 100


def socket_path(settings: Settings) -> Path:
    """Where supervisord listens."""
    path = settings.state / "supervisor.sock"
    if len(str(path)) > LONGEST_SOCKET_PATH:
        raise UserError(f"The path {path} is too long for a socket: set LAKEHOUSE_STATE to a shorter folder.")
    return path


def quoted(value: str) -> str:
    """One word of a command line in supervisord's syntax, where % begins an expansion."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def configuration(settings: Settings, programs: list[Program]) -> configparser.RawConfigParser:
    """supervisord's file: nothing starts by itself, what dies is restarted."""
    config = configparser.RawConfigParser()
    socket = socket_path(settings)
    config["unix_http_server"] = {"file": str(socket), "chmod": "0600"}
    config["supervisord"] = {
        "logfile": str(settings.logs / "supervisord.log"),
        "pidfile": str(settings.state / "supervisord.pid"),
        "directory": str(settings.state),
        "nodaemon": "false",
        "logfile_maxbytes": "5MB",
        "minfds": "1024",
        # Programs write their output to files named by us; no other files appear.
        "nocleanup": "true",
    }
    config["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    for program in programs:
        variables = ",".join(f"{key}={quoted(value)}" for key, value in program.environment.items())
        config[f"program:{program.name}"] = {
            "command": " ".join(quoted(word) for word in program.command),
            "autostart": "false",
            "autorestart": "true",
            # Servers wait for one another at start; giving up is the operator's decision.
            "startretries": "1000",
            "startsecs": "5",
            "stopasgroup": "true",
            "killasgroup": "true",
            "stopwaitsecs": str(program.stop_seconds),
            "redirect_stderr": "true",
            "stdout_logfile": str(settings.logs / f"{program.name}.log"),
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": "2",
            **({"environment": variables} if variables else {}),
        }
    return config


class Transport(SupervisorTransport):  # type: ignore[misc]  # supervisor is untyped
    """supervisord's socket; UserError where it answers no more because it is ending."""

    def __init__(self, path: Path) -> None:
        super().__init__(None, None, f"unix://{path}")

    def request(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().request(*arguments, **options)
        except Fault as fault:
            if fault.faultCode != Faults.SHUTDOWN_STATE:
                raise
        except (ConnectionRefusedError, FileNotFoundError):
            raise  # nobody was there
        except (OSError, HTTPException, ProtocolError):
            pass  # it went away between question and answer
        raise UserError("The lakehouse is shutting down: ask again in some seconds.") from None


def client(settings: Settings) -> Any | None:
    """supervisord's interface, or None when it does not run; UserError while it ends."""
    path = socket_path(settings)
    if not path.exists():
        return None
    interface = cast(Any, ServerProxy("http://localhost", transport=Transport(path))).supervisor
    try:
        interface.getPID()
    except OSError:
        return None
    return interface


def launch(settings: Settings, programs: list[Program]) -> Any:
    """Start supervisord with these programs, all of them still stopped."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    file = settings.state / "supervisord.conf"
    with file.open("w") as out:
        configuration(settings, programs).write(out)
    file.chmod(0o600)
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if (interface := client(settings)) is not None:
            return interface
        time.sleep(0.1)
    raise UserError(f"supervisord did not start: {done.stderr.strip() or 'no answer'} (see {settings.logs}).")


def stop(interface: Any, name: str) -> None:
    """Stop one program and wait; no error where it does not run."""
    try:
        interface.stopProcess(name, True)
    except Fault as fault:
        if "NOT_RUNNING" not in fault.faultString:
            raise


def shut_down(settings: Settings, interface: Any) -> None:
    """End supervisord itself and wait until it is gone."""
    pid = interface.getPID()
    interface.shutdown()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise UserError(
        f"supervisord (pid {pid}) did not end within 30 s: see {settings.logs / 'supervisord.log'}."
    )
