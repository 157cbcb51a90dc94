"""`python -m ingestion.simulator`: a live run at the settings' rate until it is stopped."""

import sys

from ingestion.simulator.plan import Options
from ingestion.simulator.run import simulate
from lakehouse.errors import UserError
from lakehouse.settings import get_settings


def main() -> None:
    """What the supervisor runs; it is started again where Kafka was away."""
    try:
        settings = get_settings()
        print(f"simulator runs at {settings.simulator_rate:g} events a second", flush=True)
        result = simulate(settings, Options(rate=settings.simulator_rate), processes=1)
    except UserError as error:
        sys.exit(f"Simulator: {error}")
    print(f"simulator stopped after {result.sent:,} events; their truth is in {result.truth}", flush=True)


if __name__ == "__main__":
    main()
