"""Embedded Superset, in its own environment: its secrets, its metadata, how it is started."""

import hashlib
import os
import re
import secrets
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from lakehouse.errors import UserError
from lakehouse.settings import ROOT, Settings

FOLDER = ROOT / "superset"
# What decides tables, permissions and roles: with these unchanged, prepared metadata stays valid.
METADATA_SOURCES = ("requirements.txt", "superset_config.py", "lakehouse_app.py", "lakehouse_security.py")


def home(settings: Settings) -> Path:
    """Folder of Superset's secrets, metadata and cache."""
    return settings.state.resolve() / "superset"


def url(settings: Settings) -> str:
    """Where a browser finds it."""
    return f"http://{settings.host}:{settings.superset_port}"


def command(settings: Settings) -> list[str]:
    """One process with threads: they wait for the gateway, they do not compute."""
    return [
        # -P and --chdir: whatever lies in the caller's folder must not be imported
        *(str(_python(settings)), "-P", "-m", "gunicorn", "lakehouse_app:create_app()"),
        *("--chdir", str(FOLDER)),
        *("--bind", f"{settings.host}:{settings.superset_port}"),
        *("--worker-class", "gthread", "--workers", "1", "--threads", "8"),
        *("--timeout", "120", "--graceful-timeout", "5", "--keep-alive", "30"),
        # long filter states travel in the address
        *("--limit-request-line", "0", "--limit-request-field_size", "0"),
        "--no-control-socket",
    ]


def environment(settings: Settings) -> dict[str, str]:
    """Everything superset_config.py reads."""
    return {
        "PYTHONPATH": str(FOLDER),
        "PYTHONUNBUFFERED": "1",
        "LAKEHOUSE_SUPERSET_HOME": str(home(settings)),
        "LAKEHOUSE_SUPERSET_PORT": str(settings.superset_port),
        "LAKEHOUSE_SUPERSET_DATABASE": metadata_address(settings),
        "LAKEHOUSE_SUPERSET_EMBED_ORIGINS": " ".join(embed_origins(settings)),
        # else it makes a folder of its own in the user's home
        "SUPERSET_HOME": str(home(settings)),
        "SCARF_ANALYTICS": "false",
        # thread arenas keep freed memory: two instead of eight per core
        "MALLOC_ARENA_MAX": "2",
    }


def metadata_address(settings: Settings) -> str:
    """SQLAlchemy address of the metadata; empty for SQLite in the state folder."""
    return settings.superset_database or ""


def embed_origins(settings: Settings) -> list[str]:
    """Pages that may show boards in a frame; UserError for what is no origin, since it goes into a header."""
    found = [each.strip() for each in settings.dashboards_embed_origins.split(",") if each.strip()]
    for origin in found:
        if not re.fullmatch(r"https?://[\w.-]+(:\d+)?", origin):
            raise UserError(
                f"LAKEHOUSE_DASHBOARDS_EMBED_ORIGINS holds {origin!r}, which is no origin:"
                " write http://host:port or https://host, with commas between."
            )
    return found


def admin_password(settings: Settings) -> str:
    """The generated password of the user `admin`."""
    file = home(settings) / "admin_password"
    if not file.exists():
        raise UserError(f"Superset has no password yet in {file}: start it with `lakehouse up`.")
    return file.read_text().strip()


def is_up(settings: Settings) -> bool:
    """Whether it answers /health, asked without any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url(settings)}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def prepare(settings: Settings) -> None:
    """Secrets, metadata and roles for this version; nothing to do where they are in place."""
    _make_secrets(settings)
    folder, version = home(settings), metadata_version()
    stamp, metadata = folder / "prepared", folder / "superset.db"
    embedded = not metadata_address(settings)
    if stamp.exists() and stamp.read_text() == version and (metadata.exists() or not embedded):
        return
    if embedded and not metadata.exists():
        _copy(prepare_template(settings), metadata)
    else:
        _migrate(settings, metadata_address(settings))
    stamp.write_text(version)


def prepare_template(settings: Settings) -> Path:
    """Metadata of an empty Superset, made once per version: it holds no secret."""
    template = settings.lib.resolve() / f"superset-{metadata_version()}.db"
    if not template.exists():
        _make_secrets(settings)
        settings.lib.mkdir(parents=True, exist_ok=True)
        unfinished = template.with_suffix(f".{secrets.token_hex(4)}.db")
        try:
            _migrate(settings, f"sqlite:///{unfinished}?check_same_thread=false")
            unfinished.replace(template)
        finally:
            unfinished.unlink(missing_ok=True)
    return template


def metadata_version() -> str:
    """Changes with Superset's pins or its configuration."""
    digest = hashlib.sha256()
    for name in METADATA_SOURCES:
        digest.update((FOLDER / name).read_bytes())
    return digest.hexdigest()[:12]


def _python(settings: Settings) -> Path:
    python = settings.superset_venv / "bin" / "python"
    if not python.exists():
        raise UserError(f"Superset is not installed in {settings.superset_venv}: run `make setup`.")
    return python


def _make_secrets(settings: Settings) -> None:
    """Generated once, readable by their owner alone, never replaced: sessions hang on them."""
    folder = home(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, size in (("secret_key", 42), ("admin_password", 15)):
        if not (folder / name).exists():
            unfinished = folder / f"{name}.{secrets.token_hex(4)}"
            descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(size))
            unfinished.replace(folder / name)


def _copy(template: Path, metadata: Path) -> None:
    """Whole or not at all."""
    unfinished = metadata.with_suffix(".copy")
    shutil.copyfile(template, unfinished)
    unfinished.chmod(0o600)
    unfinished.replace(metadata)


def _migrate(settings: Settings, address: str) -> None:
    """Tables, permissions and roles at this address, by Superset's own migrations."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    log = settings.logs / "superset-prepare.log"
    variables = environment(settings) | {"LAKEHOUSE_SUPERSET_DATABASE": address}
    with log.open("a") as out:
        done = subprocess.run(
            [str(_python(settings)), str(FOLDER / "lakehouse_app.py")],
            env=variables,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        raise UserError(f"Superset's metadata could not be prepared: the reason is in {log}.")
