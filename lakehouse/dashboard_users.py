"""People who look at the boards: their role, and the sources or countries that they may see."""

import re
import secrets
from collections.abc import Sequence
from typing import Any

import httpx

from lakehouse.dashboards import connected, reason
from lakehouse.errors import UserError
from lakehouse.settings import Settings

ROLES = {"business": "Business", "analyst": "Analyst", "admin": "Admin"}
NAME = re.compile(r"[\w .-]{1,60}")


def grant(
    settings: Settings,
    name: str,
    role: str,
    sources: Sequence[str] = (),
    countries: Sequence[str] = (),
) -> str | None:
    """Create the user, or give the one there is exactly these rights; the password of a new one.

    `role` is a key of ROLES. Without sources (countries) every row is seen; with some, theirs alone.
    """
    _check(name)
    if role == "admin" and (sources or countries):
        raise UserError("An admin sees every row: give --role business or analyst, or leave the rows out.")
    narrowing = narrowing_roles(sources, countries)
    with connected(settings) as client:
        roles = [_role(client, ROLES[role]), *(_role(client, text, make=True) for text in narrowing)]
        found = _find(client, "users", "username", name)
        if found is not None:
            told(client.put(f"/api/v1/security/users/{found}", json={"roles": roles}))
            return None
        password = secrets.token_urlsafe(15)
        # Superset wants an address; nothing is sent there.
        user = {"username": name, "first_name": name, "last_name": role, "active": True}
        user |= {"email": f"{name.replace(' ', '.')}@localhost", "roles": roles, "password": password}
        told(client.post("/api/v1/security/users/", json=user))
        return password


def narrowing_roles(sources: Sequence[str], countries: Sequence[str]) -> list[str]:
    """Names of the roles that show the rows of these sources and countries alone."""
    _check(*sources, *countries)
    return [*(f"Source {value}" for value in sources), *(f"Country {value}" for value in countries)]


def _check(*values: str) -> None:
    for value in values:
        if not NAME.fullmatch(value):
            raise UserError(f"{value!r} may hold letters, digits, spaces, points, hyphens, up to 60 of them.")


def _role(client: httpx.Client, name: str, *, make: bool = False) -> int:
    found = _find(client, "roles", "name", name)
    if found is None and make:
        found = int(told(client.post("/api/v1/security/roles/", json={"name": name}))["id"])
    if found is None:
        raise UserError(f"Superset has no role {name}: `lakehouse down` and `up` make it.")
    return found


def _find(client: httpx.Client, kind: str, column: str, value: str) -> int | None:
    """The id of a user or role by name."""
    query = f"(filters:!((col:{column},opr:eq,value:'{value}')))"
    ids = told(client.get(f"/api/v1/security/{kind}/", params={"q": query}))["ids"]
    return int(ids[0]) if ids else None


def told(answer: httpx.Response) -> dict[str, Any]:
    """Superset's answer; UserError with its reason where it refuses."""
    if answer.is_error:
        raise UserError(f"Superset refused {answer.request.url.path}: {reason(answer)}.")
    content: dict[str, Any] = answer.json()
    return content
