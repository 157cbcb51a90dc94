"""Look for alerts and send what is new; once for the command, again and again for the supervisor."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lakehouse.alerts import book
from lakehouse.alerts.found import Alert, found
from lakehouse.alerts.ways import UndeliveredError, ways
from lakehouse.errors import UserError
from lakehouse.settings import Settings, get_settings

log = logging.getLogger("alerts")


@dataclass
class Round:
    """What one look brought: what went where, what is held, what was in the way."""

    sent: dict[str, list[Alert]] = field(default_factory=dict)
    held: list[Alert] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def is_quiet(settings: Settings, now: datetime) -> bool:
    """Whether alerts wait at this time; 22:00-07:00 goes over midnight."""
    if not settings.alerts_quiet_hours:
        return False
    begin, end = settings.alerts_quiet_hours.split("-")
    clock = f"{now:%H:%M}"
    return begin <= clock < end if begin <= end else clock >= begin or clock < end


def look(
    settings: Settings,
    now: datetime | None = None,
    find: Callable[[Settings], list[Alert]] = found,
) -> Round:
    """Note what is new, then send what waits; what cannot be sent waits for the next look."""
    targets = ways(settings)
    if not targets:
        raise UserError(
            "Alerts have nowhere to go: set LAKEHOUSE_ALERTS_WEBHOOK, or LAKEHOUSE_ALERTS_SMTP"
            " with LAKEHOUSE_ALERTS_SENDER and LAKEHOUSE_ALERTS_RECIPIENTS."
        )
    result = Round()
    with book.opened(settings) as noted:
        try:
            noted.note(find(settings), [target.name for target in targets])
        except UserError as error:
            result.problems.append(str(error).rstrip("."))
        quiet = is_quiet(settings, now or datetime.now(UTC))
        for target in targets:
            waiting = noted.waiting_for(target.name)
            if quiet:
                result.held += [alert for alert in waiting if alert not in result.held]
            elif waiting:
                try:
                    target.send(waiting)
                except UndeliveredError as error:
                    result.problems.append(f"{error}, and gets {len(waiting)} with the next look")
                else:
                    noted.went(target.name, waiting)
                    result.sent[target.place] = waiting
    return result


def main() -> None:
    """What the supervisor runs."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = get_settings()
    try:
        ways(settings)
    except UserError as error:
        raise SystemExit(str(error)) from None
    while True:
        try:
            result = look(settings)
        except UserError as error:
            log.warning("%s", error)
        else:
            for place, alerts in result.sent.items():
                log.info("%d sent to %s", len(alerts), place)
            for problem in result.problems:
                log.warning("%s", problem)
        time.sleep(settings.alerts_interval_seconds)


if __name__ == "__main__":
    main()
