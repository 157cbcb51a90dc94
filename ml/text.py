"""TF-IDF of texts by numpy alone, equal to that of scikit-learn."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.arrays import Codes, Matrix, numbers, whole

WORD = re.compile(r"(?u)\b\w\w+\b")
ROWS = 2_000  # multiplied at once


@dataclass(frozen=True)
class Sparse:
    """A sparse matrix: row i holds `values[starts[i]:starts[i + 1]]` at `terms` of the same places."""

    starts: Codes
    terms: Codes
    values: Matrix
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def dot(self, weights: Matrix) -> Matrix:
        """Product with a matrix (width x k), n x k."""
        product = np.zeros((len(self), weights.shape[1]))
        for first in range(0, len(self), ROWS):
            starts = self.starts[first : first + ROWS + 1]
            part = slice(starts[0], starts[-1])
            terms = self.values[part, None] * weights[self.terms[part]]
            filled = np.flatnonzero(np.diff(starts))
            if len(filled):
                product[first + filled] = np.add.reduceat(terms, (starts - starts[0])[filled], axis=0)
        return product


class TfIdf:
    """Words and pairs of words of at least two letters, lower case, log counts times idf, length 1.

    Fields: `vocabulary` (terms in order), `idf`, `longest` (words in a term). G. Salton and C.
    Buckley, "Term-weighting approaches in automatic text retrieval" (1988).
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.vocabulary = [str(term) for term in fields["vocabulary"]]
        self.idf = numbers(fields, "idf", (len(self.vocabulary),))
        self.longest = int(whole(fields, "longest", (), 1, 4))
        self._places = {term: place for place, term in enumerate(self.vocabulary)}
        if len(self._places) != len(self.vocabulary):
            raise ValueError("'vocabulary' of the artefact names a term twice")

    def __len__(self) -> int:
        return len(self.vocabulary)

    def terms(self, text: str) -> list[str]:
        """Words, then pairs, of one text."""
        words = WORD.findall(text.lower())
        found = list(words)
        for size in range(2, self.longest + 1):
            found += [" ".join(words[i : i + size]) for i in range(len(words) - size + 1)]
        return found

    def transform(self, texts: Sequence[str]) -> Sparse:
        """One row per text; a text without known terms is a row of zeros."""
        starts, terms, counts = [0], [], []
        places = self._places
        for text in texts:
            found = Counter(places[term] for term in self.terms(text) if term in places)
            for place in sorted(found):
                terms.append(place)
                counts.append(found[place])
            starts.append(len(terms))
        columns = np.array(terms, dtype=np.int64)
        values = (1 + np.log(np.array(counts, dtype=np.float64))) * self.idf[columns]
        rows = np.repeat(np.arange(len(texts)), np.diff(starts))
        norms = np.sqrt(np.bincount(rows, values**2, minlength=len(texts)))
        return Sparse(np.array(starts, dtype=np.int64), columns, values / norms[rows], len(self))
