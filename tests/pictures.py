"""Pictures of the boards for the docs: `python -m tests.pictures [--source S] [--customer ID] [BOARD...]`.

Of the lakehouse that the settings name, as its administrator sees it; in few colours, to be small.
"""

import argparse
import io
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome

from lakehouse.board_links import link
from lakehouse.servers import superset
from lakehouse.settings import ROOT, Settings, get_settings
from tests.board_page import BOARDS, WIDTH, open_board
from tests.e2e.conftest import log_in, start_chromium

IMAGES = ROOT / "docs" / "images"
CUSTOMER = "customer"  # the board of one customer, empty until one is chosen
MOST_BYTES = 250_000
DRAWN_SECONDS = 2  # bars grow for one
COLOURS = (256, 128, 64, 32)
BOTTOM = """
    const panels = [...document.querySelectorAll('[data-test-chart-name]')];
    return Math.ceil(Math.max(...panels.map(panel => panel.getBoundingClientRect().bottom))) + 24;
"""


def small(png: bytes, height: int) -> bytes:
    """The upper part of a picture, in as many colours as keep it small."""
    whole = Image.open(io.BytesIO(png)).convert("RGB")
    part = whole.crop((0, 0, WIDTH, min(height, whole.height)))
    found = b""
    for colours in COLOURS:
        out = io.BytesIO()
        part.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        found = out.getvalue()
        if len(found) <= MOST_BYTES:
            break
    return found


def take(browser: Chrome, settings: Settings, slug: str, filters: dict[str, str]) -> str:
    """One board with these filters set into its file; a sentence about it."""
    shown = open_board(browser, link(settings, slug, **filters), slug)
    time.sleep(DRAWN_SECONDS)
    picture = small(browser.get_screenshot_as_png(), browser.execute_script(BOTTOM))
    file = IMAGES / f"{slug}.png"
    file.write_bytes(picture)
    problems = [f"without data: {title}" for title in sorted(shown.empty)] + shown.complaints
    return "; ".join([f"{file.relative_to(ROOT)}: {len(picture) / 1000:.0f} kB", *problems])


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--source", help="the source that boards show (default: the first of each)")
    parser.add_argument("--customer", help=f"whose page the board {CUSTOMER} shows", metavar="ID")
    parser.add_argument(
        "boards", nargs="*", help=f"boards by slug (default: all but {CUSTOMER})", metavar="BOARD"
    )
    chosen = parser.parse_args()
    if CUSTOMER in chosen.boards and not chosen.customer:
        parser.error(f"the board {CUSTOMER} shows one customer: name it with --customer ID")
    settings = get_settings()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        browser = start_chromium(Path(profile))
        try:
            log_in(browser, superset.url(settings), superset.admin_password(settings))
            for slug in chosen.boards or sorted(BOARDS.keys() - {CUSTOMER}):
                filters = {"source": chosen.source} if chosen.source else {}
                if slug == CUSTOMER:
                    filters["customer_id"] = chosen.customer
                print(take(browser, settings, slug, filters), file=sys.stderr)
        finally:
            browser.quit()


if __name__ == "__main__":
    main()
