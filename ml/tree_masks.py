"""The leaf of each row in every tree by bit masks, many rows at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Codes, Matrix

WORD = 64
ROWS = 4_096  # at once: what they need stays in the processor's cache


@dataclass(frozen=True)
class Tree:
    """Leaves from left to right, and of each condition the leaves that it rules out where it fails."""

    leaves: Codes
    features: Codes
    thresholds: Matrix
    first: Codes
    last: Codes


def from_left(root: int, feature: Any, threshold: Any, left: Any, right: Any) -> Tree:
    """A tree of lists of nodes, of which a leaf names itself."""
    leaves: list[int] = []
    conditions: list[int] = []
    first: list[int] = []
    last: list[int] = []
    waiting = [(root, -1)]
    while waiting:
        node, closes = waiting.pop()
        if closes >= 0:  # all leaves to the left of that condition have been passed
            last[closes] = len(leaves)
        if left[node] == node:
            leaves.append(node)
            continue
        waiting += [(right[node], len(conditions)), (left[node], -1)]
        conditions.append(node)
        first.append(len(leaves))
        last.append(0)
    return Tree(
        np.array(leaves),
        np.array([feature[node] for node in conditions], dtype=np.int64),
        np.array([threshold[node] for node in conditions], dtype=np.float64),
        np.array(first, dtype=np.int64),
        np.array(last, dtype=np.int64),
    )


def steps_of(trees: list[Tree], width: int) -> list[Matrix]:
    """The thresholds of each feature in all of the trees, ascending."""
    features = np.concatenate([np.empty(0, dtype=np.int64), *(tree.features for tree in trees)])
    thresholds = np.concatenate([np.empty(0), *(tree.thresholds for tree in trees)])
    return [np.unique(thresholds[features == feature]) for feature in range(width)]


def places_of(steps: list[Matrix], rows: Matrix) -> list[Any]:
    """How many thresholds of each feature are below each row's value; None for what no tree asks for."""
    return [np.searchsorted(each, rows[:, f]) if len(each) else None for f, each in enumerate(steps)]


class Masks:
    """A row's leaf is the first one that no failed condition rules out; a condition that fails, x >
    threshold, rules out all leaves to its left. So a tree is a word of bits, or as many words as its
    leaves need; small trees share one. What the conditions of a feature leave over is looked up by how many
    of its thresholds are below the value.

    C. Lucchese et al., "QuickScorer: a fast algorithm to rank documents with additive ensembles of
    regression trees", SIGIR (2015).
    """

    def __init__(self, trees: list[Tree], values: Matrix, width: int) -> None:
        self.outputs = values.shape[1]
        self._steps = steps_of(trees, width)
        self._groups = [Group(part, values, self._steps) for part in shared(trees)]

    def sums(self, rows: Matrix) -> Matrix:
        """Leaf values added up over all trees, n x outputs."""
        total = np.zeros((len(rows), self.outputs))
        for start in range(0, len(rows), ROWS):
            places = places_of(self._steps, rows[start : start + ROWS])
            for group in self._groups:
                group.add(places, total[start : start + ROWS])
        return total


class Group:
    """Trees that share a word, each with a lane of so many bits; or one tree with several words."""

    def __init__(self, trees: list[Tree], values: Matrix, steps: list[Matrix]) -> None:
        self._lane = lane(trees[0])
        self._values = [values[tree.leaves] for tree in trees]
        words = -(-len(trees[0].leaves) // WORD)
        self._tables = [dict(self._table(trees, steps, word)) for word in range(words)]

    def _table(self, trees: list[Tree], steps: list[Matrix], word: int) -> Iterator[tuple[int, Any]]:
        """(feature, the bits that are left over for each number of its thresholds below the value)."""
        for feature, thresholds in enumerate(steps):
            left = np.full(len(thresholds) + 1, ~np.uint64(0))
            for number, tree in enumerate(trees):
                chosen = tree.features == feature
                places = np.searchsorted(thresholds, tree.thresholds[chosen]) + 1
                ruled_out = bits(tree.first[chosen], tree.last[chosen], number * self._lane - word * WORD)
                np.bitwise_and.at(left, places, ~ruled_out)
            left = np.bitwise_and.accumulate(left)
            if (left != ~np.uint64(0)).any():
                yield feature, left

    def add(self, places: list[Any], total: Matrix) -> None:
        """Add the trees' values of each row; `places` are how many thresholds of a feature are below it."""
        words = [self._word(table, places, len(total)) for table in self._tables]
        if len(words) == 1:
            lanes = words[0].view(f"u{self._lane // 8}").reshape(len(total), -1)
            first = np.bitwise_count(~lanes & (lanes - lanes.dtype.type(1)))  # zeros below the lowest one
            for number, values in enumerate(self._values):
                total += values[first[:, number]]
            return
        leaf = np.zeros(len(total), dtype=np.int64)
        for number in reversed(range(len(words))):
            word = words[number]
            found = np.bitwise_count(~word & (word - np.uint64(1))).astype(np.int64) + number * WORD
            leaf = np.where(word != 0, found, leaf)
        total += self._values[0][leaf]

    def _word(self, table: dict[int, Any], places: list[Any], size: int) -> NDArray[np.uint64]:
        word = np.full(size, ~np.uint64(0))
        for feature, left in table.items():
            word &= left[places[feature]]
        return word


def lane(tree: Tree) -> int:
    """Bits that a tree is given: 8, 16, 32 or 64 of a word."""
    return next((size for size in (8, 16, 32) if len(tree.leaves) <= size), WORD)


def shared(trees: list[Tree]) -> Iterator[list[Tree]]:
    """Trees of one lane, as many as a word holds."""
    for size in (8, 16, 32, WORD):
        alike = [tree for tree in trees if lane(tree) == size]
        step = WORD // size
        yield from (alike[start : start + step] for start in range(0, len(alike), step))


def bits(first: Codes, last: Codes, offset: int) -> NDArray[np.uint64]:
    """Words with ones from `first` up to, without, `last`, moved by an offset and cut at the word's ends."""
    low, high = (np.clip(bound + offset, 0, WORD) for bound in (first, last))
    ones = ~np.uint64(0)
    below_high = np.where(high < WORD, ~(ones << np.minimum(high, WORD - 1).astype(np.uint64)), ones)
    below_low = np.where(low < WORD, ~(ones << np.minimum(low, WORD - 1).astype(np.uint64)), ones)
    return np.asarray(below_high & ~below_low, dtype=np.uint64)
