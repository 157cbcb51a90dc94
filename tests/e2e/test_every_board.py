"""Each board in a real browser, as each role: every panel is drawn, none complains, clicks narrow it."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from lakehouse import dashboards
from lakehouse.assets import filters
from lakehouse.board_links import link
from lakehouse.dashboard_users import ROLES, grant
from lakehouse.servers import superset
from tests.board_page import BOARDS, Shown, choose, click_cell, drill, open_board, rows, shown_charts, titles
from tests.conftest import Stack
from tests.e2e.conftest import log_in, start_chromium
from tests.made import SHOP
from tests.questions import DATASETS, conditions

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def pushed(marts: Stack) -> Stack:
    dashboards.push(marts.settings)
    return marts


@pytest.fixture(scope="module")
def viewers(pushed: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Chrome]]:
    """Role -> the browser of somebody new who has it."""
    found = {}
    with ExitStack() as opened:
        for role in ROLES:
            name = f"{role} {secrets.token_hex(4)}"
            password = grant(pushed.settings, name, role)
            assert password is not None
            found[role] = start_chromium(tmp_path_factory.mktemp("chromium"))
            opened.callback(found[role].quit)
            log_in(found[role], superset.url(pushed.settings), password, name)
        yield found


@pytest.fixture
def viewer(viewers: dict[str, Chrome]) -> Chrome:
    """The browser of a business user."""
    return viewers["business"]


@pytest.fixture(scope="module")
def chosen(pushed: Stack) -> dict[str, dict[str, str]]:
    """Board -> what its filters are set to; one board waits for a customer."""
    held = f"select min(customer_id) as customer_id from marts.dim_customers where source = '{SHOP}'"
    customer = pushed.query(held)[0]
    return {slug: {"source": SHOP} | (customer if slug == "customer" else {}) for slug in BOARDS}


@pytest.fixture(scope="module")
def has_rows(pushed: Stack, chosen: dict[str, dict[str, str]]) -> dict[str, dict[str, bool]]:
    """Board -> title of a panel -> whether its mart holds rows of the made shop, where that can be said.

    A number without rows is left out: a count shows 0, others nothing.
    """
    questions = {
        (slug, chart["slice_name"]): question
        for slug in BOARDS
        for chart in shown_charts(slug)
        if (question := rows_of(slug, chosen[slug], chart["dataset_uuid"], conditions(chart["params"])))
    }
    found = pushed.query(
        " union all ".join(
            f"(select '{slug}' as board, '{title.replace(chr(39), chr(92) + chr(39))}' as title from ({sql}))"
            for (slug, title), sql in questions.items()
        )
    )
    filled = {(row["board"], row["title"]) for row in found}
    return {
        slug: {
            title: (slug, title) in filled
            for title, kind in ((chart["slice_name"], chart["viz_type"]) for chart in shown_charts(slug))
            if (slug, title) in filled or ((slug, title) in questions and not kind.startswith("big_number"))
        }
        for slug in BOARDS
    }


def rows_of(slug: str, chosen: dict[str, str], dataset_uuid: str, where: str) -> str | None:
    """SQL for one row where the panel has something to draw; None where nobody can say so beforehand: it
    looks at the last minutes, or at what another filter of the board chooses by itself."""
    dataset = DATASETS[dataset_uuid]
    columns = {column["column_name"] for column in dataset["columns"]}
    by_itself = {
        target["column"]["name"]
        for rule in filters(BOARDS[slug])
        if rule.get("requiredFirst")
        for target in rule["targets"]
    }
    if dataset["schema"] == "staging" or columns & (by_itself - chosen.keys()):
        return None
    rules = [where] if where else []
    rules += [f"{name} = '{value}'" for name, value in chosen.items() if name in columns]
    table = f"{dataset['schema']}.{dataset['table_name']}"
    return f"select 1 from {table} where true and {' and '.join(rules) or 'true'} limit 1"


@pytest.mark.parametrize("slug", BOARDS)
def test_every_panel_is_drawn_and_none_complains(
    viewers: dict[str, Chrome],
    slug: str,
    chosen: dict[str, dict[str, str]],
    has_rows: dict[str, dict[str, bool]],
    pushed: Stack,
    tmp_path: Path,
) -> None:
    """The roles at once: a page waits for answers most of the time."""

    def opened_by(role: str) -> Shown:
        shown = open_board(viewers[role], link(pushed.settings, slug, **chosen[slug]), slug)
        viewers[role].save_screenshot(str(tmp_path / f"{role}.png"))
        return shown

    with ThreadPoolExecutor(len(viewers)) as pool:
        seen = dict(zip(viewers, pool.map(opened_by, viewers), strict=True))
    for role, shown in seen.items():
        where = f"see {tmp_path / role}.png"
        assert shown.complaints == [], where
        assert shown.drawn | shown.empty == titles(slug), where
        expected = has_rows[slug]
        assert {title: title in shown.drawn for title in expected} == expected, where


def test_most_panels_have_something_to_draw(has_rows: dict[str, dict[str, bool]]) -> None:
    """Else the test above says little: these boards live on what the made shop has."""
    filled = {slug: {title for title, there in panels.items() if there} for slug, panels in has_rows.items()}
    assert filled["overview"] == titles("overview")
    assert len(filled["segmentation"]) >= 5
    assert len(filled["sales"]) >= 6
    assert "What was expected, what came?" in filled["data_trust"]


WORTH, WHO = "What is each segment worth?", "Who is in a segment?"
SEGMENT = 2  # its column among those of WHO
PAGE_LENGTH = 12


@pytest.fixture(scope="module")
def segments(pushed: Stack) -> dict[str, int]:
    """Segment -> customers of the latest as-of date, the fewest first."""
    found = pushed.query(
        f"""
        select
            rfm_segment,
            count(*) as customers
        from marts.fct_customer_segments
        where is_latest and source = '{SHOP}'
        group by rfm_segment
        order by customers, rfm_segment
        """
    )
    assert len(found) > 2
    return {row["rfm_segment"]: row["customers"] for row in found}


def opened(viewer: Chrome, stack: Stack, segments: dict[str, int]) -> None:
    """The Segmentation board, showing all segments."""
    open_board(viewer, link(stack.settings, "segmentation", source=SHOP), "segmentation")
    stack.wait_until(lambda: worth(viewer) == segments, 60, f"{segments} but {worth(viewer)}")
    assert len({row[SEGMENT] for row in rows(viewer, WHO)}) > 1


def worth(viewer: Chrome) -> dict[str, int]:
    """Segment -> customers, as the board shows them."""
    return {row[0]: int(row[1].replace(",", "")) for row in rows(viewer, WORTH) if len(row) > 1}


def narrowed(viewer: Chrome, segment: str, customers: int) -> bool:
    """Whether the list of customers shows those of one segment alone, all that go on its page."""
    shown = [row[SEGMENT] for row in rows(viewer, WHO)]
    return shown == [segment] * min(customers, PAGE_LENGTH)


def test_a_filter_narrows_the_panels_to_what_the_mart_says(
    viewer: Chrome, pushed: Stack, segments: dict[str, int]
) -> None:
    segment, customers = next(iter(segments.items()))
    opened(viewer, pushed, segments)
    choose(viewer, "Segment", segment)
    pushed.wait_until(lambda: worth(viewer) == {segment: customers}, 60, f"{segment} alone: {worth(viewer)}")
    pushed.wait_until(lambda: narrowed(viewer, segment, customers), 60, f"narrowed: {rows(viewer, WHO)}")


def test_a_click_on_a_row_narrows_the_other_panels(
    viewer: Chrome, pushed: Stack, segments: dict[str, int]
) -> None:
    segment, customers = list(segments.items())[1]
    opened(viewer, pushed, segments)
    click_cell(viewer, WORTH, segment)
    pushed.wait_until(lambda: narrowed(viewer, segment, customers), 60, f"narrowed: {rows(viewer, WHO)}")
    assert worth(viewer) == segments


def test_a_panel_drills_to_the_rows_behind_it(
    viewer: Chrome, pushed: Stack, segments: dict[str, int]
) -> None:
    opened(viewer, pushed, segments)
    held = f"select count(*) as n from reports.rpt_segments where is_latest and source = '{SHOP}'"
    assert drill(viewer, WORTH) == pushed.query(held)[0]["n"]
