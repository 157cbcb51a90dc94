"""`python -m ingestion.sources.database`: captures the shop's database until it is stopped."""

import sys

from ingestion.sources.database.capture import follow_until_signal
from lakehouse.errors import UserError
from lakehouse.settings import get_settings

if __name__ == "__main__":
    try:
        follow_until_signal(get_settings())
    except UserError as error:
        sys.exit(f"Capture: {error}")
