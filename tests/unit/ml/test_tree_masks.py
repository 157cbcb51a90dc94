"""Many rows at once: the same leaves as by a walk down the trees, the same reasons as one by one."""

from typing import Any

import numpy as np
import pytest

from ml.tree_masks import bits
from ml.trees import MANY, Trees

WIDTH = 4


def grown(leaves: int, random: Any, outputs: int = 1) -> dict[str, Any]:
    """A tree of so many leaves: one of them is split, again and again."""
    feature, threshold, left, right, cover = [0], [0.0], [0], [0], [1.0]
    ends = [(0, np.full(WIDTH, -4.0), np.full(WIDTH, 4.0))]
    while len(ends) < leaves:
        node, low, high = ends.pop(int(random.integers(len(ends))))
        size, column = len(left), int(random.integers(WIDTH))
        # within what comes to it, so that both sides can be reached
        cut = float(random.uniform(low[column], high[column]))
        feature[node], threshold[node], left[node], right[node] = column, cut, size, size + 1
        here = np.arange(WIDTH) == column
        ends += [(size, low, np.where(here, cut, high)), (size + 1, np.where(here, cut, low), high)]
        for child in (size, size + 1):
            feature.append(0)
            threshold.append(0.0)
            left.append(child)
            right.append(child)
            cover.append(1.0)
    values = random.normal(size=(len(left), outputs))
    return {"feature": feature, "threshold": threshold, "left": left, "right": right, "cover": cover} | {
        "values": values.tolist()
    }


def forest(sizes: list[int], outputs: int = 1, seed: int = 0) -> Trees:
    """Trees of these numbers of leaves, one after the other."""
    random = np.random.default_rng(seed)
    fields: dict[str, Any] = {"roots": [], "base": [0.5] * outputs, "is_single": 0}
    for size in sizes:
        start = len(fields.get("left", []))
        fields["roots"].append(start)
        for name, column in grown(size, random, outputs).items():
            moved = [node + start for node in column] if name in ("left", "right") else column
            fields.setdefault(name, []).extend(moved)
    return Trees(fields, WIDTH)


@pytest.mark.parametrize(
    "sizes",
    [[1], [2], [8] * 9, [9, 16, 17, 32, 33, 64], [65], [128, 200], [1, 8, 5, 70, 300, 12, 1, 64, 3, 8, 8]],
    ids=lambda sizes: f"{len(sizes)} trees of {max(sizes)} leaves at most",
)
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_sums_are_those_of_a_walk(sizes: list[int], outputs: int) -> None:
    random = np.random.default_rng(7)
    trees = forest(sizes, outputs)
    # half of the values are thresholds themselves, which go to the left
    rows = random.uniform(-4, 4, (5_000, WIDTH))
    rows = np.where(random.random(rows.shape) < 0.5, random.choice(trees.threshold, rows.shape), rows)
    rows[::50, 1], rows[1::50, 2], rows[2::50, 0] = np.nan, np.inf, -np.inf
    np.testing.assert_allclose(trees.margins(rows), trees._sums(rows), atol=1e-12, rtol=0)
    few = rows[: MANY - 1]
    np.testing.assert_allclose(trees.margins(few), trees._sums(few), atol=0)


@pytest.mark.parametrize("sizes", [[1], [2], [8] * 9, [20, 300, 1, 7]], ids=str)
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_reasons_are_those_of_few_rows(sizes: list[int], outputs: int) -> None:
    random, trees = np.random.default_rng(5), forest(sizes, outputs, seed=2)
    rows = random.uniform(-5, 5, (MANY + 100, WIDTH))
    rows = np.where(random.random(rows.shape) < 0.3, random.choice(trees.threshold, rows.shape), rows)
    for output in range(outputs):
        base, found = trees.contributions(rows, output)
        parts = [trees.contributions(part, output) for part in np.array_split(rows, 3)]
        np.testing.assert_allclose(found, np.concatenate([part for _, part in parts]), atol=1e-12, rtol=0)
        assert base == parts[0][0]
        np.testing.assert_allclose(base + found.sum(axis=1), trees.margins(rows)[:, output], atol=1e-9)


def test_leaves_of_every_word_are_reached() -> None:
    trees = forest([300], seed=3)
    rows = np.random.default_rng(1).uniform(-4, 4, (200_000, WIDTH))
    reached = set(trees.margins(rows)[:, 0] - 0.5)
    leaves = trees.values[trees.is_leaf, 0]  # in no order of theirs
    assert len(reached) > 128  # the others are ruled out by conditions above them
    assert min(np.abs(leaves - value).min() for value in reached) < 1e-12


def test_a_word_has_ones_between_its_bounds() -> None:
    first, last = np.array([0, 0, 3, 60, 64, 10]), np.array([0, 64, 5, 70, 80, 64])
    assert [int(word) for word in bits(first, last, 0)] == [
        0,
        2**64 - 1,
        0b11000,
        0b1111 << 60,
        0,
        (2**54 - 1) << 10,
    ]
    assert [int(word) for word in bits(first, last, -64)] == [0, 0, 0, 0b111111, 2**16 - 1, 0]
    assert [int(word) for word in bits(np.array([0]), np.array([3]), 8)] == [0b111 << 8]
