"""Each alert goes each way once: over real HTTP and SMTP on this machine."""

import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pydantic import SecretStr, ValidationError

from lakehouse.alerts import book, watch
from lakehouse.alerts.found import Alert
from lakehouse.alerts.ways import MOST_TOLD, text, ways
from lakehouse.board_links import link
from lakehouse.errors import UserError
from lakehouse.servers import stack
from lakehouse.settings import Settings

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
BOARD = "http://127.0.0.1:8088/superset/dashboard/data_trust/"
ODD = Alert("odd/shop/orders/2026-01-04", "warning", "shop", "orders", "3", "40 to 60", "2026-01-04", BOARD)
LOST = Alert("ledger/7/x", "critical", "", "the ledger of batch 7 does not balance", "1", "2", "x", BOARD)


class Webhook(ThreadingHTTPServer):
    """Keeps what is posted; answers `status`."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.status = 200

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:  # noqa: N805
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                if self.status == 200:
                    self.posted.append(json.loads(body))
                handler.send_response(self.status)
                handler.end_headers()

            def log_message(handler, *_: Any) -> None:  # noqa: N805
                pass

        super().__init__(("127.0.0.1", 0), Handler)


class MailServer(socketserver.ThreadingTCPServer):
    """As much of SMTP as delivering takes; `refuses` makes it answer 451 to a mail."""

    allow_reuse_address = True

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.refuses = False
        super().__init__(("127.0.0.1", 0), MailSession)


class MailSession(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            match line.split()[0].upper():
                case "EHLO":
                    self.say("250 here")
                case "DATA":
                    self.say("354 go on")
                    lines = []
                    while (got := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        lines.append(got)
                    if not self.server.refuses:
                        self.server.mails.append("\n".join(lines))
                    self.say("451 not now" if self.server.refuses else "250 taken")
                case "QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 ok")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


def served(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield from served(Webhook())


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    yield from served(MailServer())


@pytest.fixture
def settings(tmp_path: Path, webhook: Webhook, mail_server: MailServer) -> Settings:
    return Settings(
        state=tmp_path,
        alerts_webhook=SecretStr(f"http://127.0.0.1:{webhook.server_port}/hooks/s3cret"),
        alerts_smtp=SecretStr(f"smtp://127.0.0.1:{mail_server.server_address[1]}"),
        alerts_sender="lakehouse@shop.example",
        alerts_recipients="eva@shop.example, ola@shop.example",
    )


def look(settings: Settings, *alerts: Alert, now: datetime = NOON) -> watch.Round:
    return watch.look(settings, now, lambda _: list(alerts))


def test_an_alert_goes_each_way_with_its_board(
    settings: Settings, webhook: Webhook, mail_server: MailServer
) -> None:
    assert sum(map(len, look(settings, ODD, LOST).sent.values())) == 4
    (posted,), (mail,) = webhook.posted, mail_server.mails
    assert posted["alerts"] == [ODD.as_dict(), LOST.as_dict()]
    assert "warning: shop: orders, 3, expected 40 to 60 (2026-01-04)" in posted["text"]
    assert "Subject: [lakehouse] 2 alerts, 1 of them critical" in mail
    assert "To: eva@shop.example, ola@shop.example" in mail
    assert BOARD in posted["text"]
    assert BOARD in mail


def test_what_went_does_not_go_again(settings: Settings, webhook: Webhook, mail_server: MailServer) -> None:
    look(settings, ODD)
    worse = replace(ODD, seen="2", severity="critical")
    assert look(settings, worse).sent == {}
    look(settings, worse, LOST)
    assert [[a["id"] for a in posted["alerts"]] for posted in webhook.posted] == [[ODD.id], [LOST.id]]
    assert len(mail_server.mails) == 2


def test_a_way_that_fails_gets_it_with_the_next_look(
    settings: Settings, webhook: Webhook, mail_server: MailServer
) -> None:
    webhook.status, mail_server.refuses = 503, True
    result = look(settings, ODD)
    assert [p.rpartition(" and gets ")[2] for p in result.problems] == ["1 with the next look"] * 2
    assert any("answered 503" in problem for problem in result.problems)
    assert any("did not take the mail (451)" in problem for problem in result.problems)
    webhook.status = 200
    # Meanwhile the first is over; it is told all the same, and the mail waits on.
    look(settings, LOST)
    assert [[a["id"] for a in posted["alerts"]] for posted in webhook.posted] == [[ODD.id, LOST.id]]
    assert mail_server.mails == []
    mail_server.refuses = False
    look(settings)
    assert len(webhook.posted) == len(mail_server.mails) == 1
    assert ODD.what in mail_server.mails[0]
    assert LOST.what in mail_server.mails[0]


def test_a_secret_is_not_in_what_is_said(settings: Settings, webhook: Webhook) -> None:
    away = settings.replace(
        alerts_webhook=SecretStr("http://127.0.0.1:1/s3cret"),
        alerts_smtp=SecretStr("smtp://user:s3cret@127.0.0.1:1"),
    )
    said = " ".join(look(away, ODD).problems)
    assert "http://127.0.0.1:1 does not answer (ConnectError)" in said
    assert "smtp://127.0.0.1:1 did not take the mail (ConnectionRefusedError)" in said
    assert "s3cret" not in said + repr(away) + str(ways(away))
    assert "s3cret" not in str(stack.environment(away, Path("java")))


def test_quiet_hours_hold_alerts_and_send_them_together(settings: Settings, webhook: Webhook) -> None:
    quiet = settings.replace(alerts_quiet_hours="22:00-07:00")
    night, later = (datetime(2026, 1, day, hour, 30, tzinfo=UTC) for day, hour in ((5, 23), (6, 6)))
    assert look(quiet, ODD, now=night).held == [ODD]
    assert look(quiet, ODD, LOST, now=later).held == [ODD, LOST]
    assert webhook.posted == []
    look(quiet, now=datetime(2026, 1, 6, 7, 0, tzinfo=UTC))
    assert [[a["id"] for a in posted["alerts"]] for posted in webhook.posted] == [[ODD.id, LOST.id]]


@pytest.mark.parametrize(
    ("hours", "clock", "quiet"),
    [
        ("22:00-07:00", "21:59", False),
        ("22:00-07:00", "22:00", True),
        ("22:00-07:00", "06:59", True),
        ("22:00-07:00", "07:00", False),
        ("12:00-13:00", "12:30", True),
        ("12:00-13:00", "13:00", False),
        ("", "03:00", False),
    ],
)
def test_quiet_hours_begin_and_end(hours: str, clock: str, quiet: bool) -> None:
    now = datetime.fromisoformat(f"2026-01-05T{clock}:00+00:00")
    assert watch.is_quiet(Settings(alerts_quiet_hours=hours), now) is quiet


def test_where_the_lakehouse_is_away_what_waits_goes_all_the_same(
    settings: Settings, webhook: Webhook
) -> None:
    webhook.status = 500
    look(settings, ODD)
    webhook.status = 200

    def away(_: Settings) -> list[Alert]:
        raise UserError("The gateway does not answer.")

    assert watch.look(settings, NOON, away).problems == ["The gateway does not answer"]
    assert len(webhook.posted) == 1


def test_two_do_not_send_at_once(settings: Settings) -> None:
    with book.opened(settings), pytest.raises(UserError, match="being sent at this moment"):
        look(settings, ODD)


def test_a_damaged_book_is_named(settings: Settings) -> None:
    look(settings, ODD)
    file = settings.state / "alerts" / "alerts.json"
    file.write_text("{")
    with pytest.raises(UserError, match=r"alerts.json cannot be read .* move it away"):
        look(settings, ODD)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"alerts_webhook": None, "alerts_smtp": None}, "nowhere to go: set LAKEHOUSE_ALERTS_WEBHOOK"),
        ({"alerts_webhook": SecretStr("ftp://s3cret")}, "LAKEHOUSE_ALERTS_WEBHOOK must be an http"),
        ({"alerts_webhook": SecretStr("http:///s3cret")}, "LAKEHOUSE_ALERTS_WEBHOOK must be an http"),
        ({"alerts_smtp": SecretStr("smtp://[s3cret")}, "LAKEHOUSE_ALERTS_SMTP must be an address of smtp://"),
        ({"alerts_smtp": SecretStr("s3cret")}, "LAKEHOUSE_ALERTS_SMTP must be an address of smtp://"),
        ({"alerts_smtp": SecretStr("smtp://host:s3cret")}, "LAKEHOUSE_ALERTS_SMTP must be an address"),
        ({"alerts_sender": ""}, "LAKEHOUSE_ALERTS_SENDER must be set with LAKEHOUSE_ALERTS_SMTP"),
        ({"alerts_recipients": "eva@x, ola"}, "LAKEHOUSE_ALERTS_RECIPIENTS must be .* 'ola' is no address"),
        ({"alerts_recipients": " , "}, "LAKEHOUSE_ALERTS_RECIPIENTS must be set"),
    ],
)
def test_settings_that_make_no_sense_are_one_sentence(
    settings: Settings, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence) as told:
        look(settings.replace(**changes), ODD)
    assert "s3cret" not in str(told.value)


def test_quiet_hours_that_are_none_are_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(alerts_quiet_hours="22-7")


def test_up_watches_only_where_alerts_have_somewhere_to_go(settings: Settings) -> None:
    assert "alerts" in stack.program_names(settings)
    assert "alerts" not in stack.program_names(Settings())


def test_a_long_list_ends_in_a_number() -> None:
    assert text([ODD] * (MOST_TOLD + 3)).endswith("\nand 3 more: see the board")
    assert "more" not in text([ODD])


def test_a_link_sets_the_boards_filters() -> None:
    settings = Settings(dashboards_url="https://bi.shop.example/")
    assert link(settings, "live") == "https://bi.shop.example/superset/dashboard/live/"
    address = link(settings, "data_trust", source="it's!")
    assert address.isascii()
    assert "filters:!((col:source,op:IN,val:!('it!'s!!')))" in unquote(address)
