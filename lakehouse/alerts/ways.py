"""The ways an alert goes: a webhook, and e-mail."""

import smtplib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from lakehouse.alerts.found import Alert
from lakehouse.errors import UserError
from lakehouse.settings import Settings

TIMEOUT_SECONDS = 20
SMTP_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
# Longer lists are told in numbers; the board shows them all.
MOST_TOLD = 50


class UndeliveredError(Exception):
    """The other side did not take it, in words without its secrets."""


class Way(NamedTuple):
    """A name, where it leads without secrets, and what sends."""

    name: str
    place: str
    send: Callable[[list[Alert]], None]


def ways(settings: Settings) -> list[Way]:
    """Those that the settings name; UserError where they make no sense."""
    found = []
    if settings.alerts_webhook:
        found.append(_webhook(settings.alerts_webhook.get_secret_value()))
    if settings.alerts_smtp:
        found.append(_mail(settings, settings.alerts_smtp.get_secret_value()))
    return found


def subject(alerts: list[Alert]) -> str:
    """How many and how bad; the only one in its own words."""
    if len(alerts) == 1:
        return alerts[0].sentence()
    critical = sum(alert.severity == "critical" for alert in alerts)
    return f"{len(alerts)} alerts" + (f", {critical} of them critical" if critical else "")


def text(alerts: list[Alert]) -> str:
    """Each with its board."""
    lines = [f"{alert.sentence()}\n  {alert.board}" for alert in alerts[:MOST_TOLD]]
    if more := len(alerts) - MOST_TOLD:
        lines += [f"and {more} more: see the board"] if more > 0 else []
    return "\n".join(lines)


def _webhook(address: str) -> Way:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise UserError("LAKEHOUSE_ALERTS_WEBHOOK must be an http:// or https:// address with a host.")
    place = f"{url.scheme}://{url.host}" + (f":{url.port}" if url.port else "")

    def send(alerts: list[Alert]) -> None:
        # Chat programs show `text`; others read the list.
        body = {"text": f"{subject(alerts)}\n{text(alerts)}", "alerts": [a.as_dict() for a in alerts]}
        try:
            answer = httpx.post(url, json=body, timeout=TIMEOUT_SECONDS)
        except httpx.HTTPError as error:
            raise UndeliveredError(f"{place} does not answer ({type(error).__name__})") from None
        if not answer.is_success:
            raise UndeliveredError(f"{place} answered {answer.status_code}")

    return Way("webhook", place, send)


def _mail(settings: Settings, address: str) -> Way:
    recipients = [each.strip() for each in settings.alerts_recipients.split(",") if each.strip()]
    try:
        parts = urlsplit(address)
        port = parts.port or SMTP_PORTS.get(parts.scheme)
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in SMTP_PORTS or not parts.hostname or port is None:
        raise UserError(
            f"LAKEHOUSE_ALERTS_SMTP must be an address of {', '.join(f'{s}://' for s in SMTP_PORTS)}"
            " with a host."
        )
    for name, each in [
        ("SENDER", settings.alerts_sender),
        *(("RECIPIENTS", r) for r in recipients or [""]),
    ]:
        if each.count("@") != 1 or any(c.isspace() for c in each):
            raise UserError(f"LAKEHOUSE_ALERTS_{name} must be set with LAKEHOUSE_ALERTS_SMTP: {each!r} is no"
                            " address.")  # fmt: skip
    place = f"{parts.scheme}://{parts.hostname}:{port}"

    def send(alerts: list[Alert]) -> None:
        message = EmailMessage()
        message["Subject"] = f"[lakehouse] {subject(alerts)}"
        message["From"], message["To"] = settings.alerts_sender, ", ".join(recipients)
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = make_msgid(domain=settings.alerts_sender.rpartition("@")[2])
        message.set_content(text(alerts) + "\n")
        try:
            with _connected(parts, port) as server:
                refused = server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            code = getattr(error, "smtp_code", None)
            raise UndeliveredError(
                f"{place} did not take the mail ({code or type(error).__name__})"
            ) from None
        if refused:
            raise UndeliveredError(f"{place} refused {', '.join(refused)}")

    return Way("mail", place, send)


def _connected(parts: SplitResult, port: int) -> smtplib.SMTP:
    secure = ssl.create_default_context()
    host = str(parts.hostname)
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=secure)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        if parts.scheme == "smtp+starttls":
            server.starttls(context=secure)
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server
