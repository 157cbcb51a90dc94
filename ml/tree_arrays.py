"""Trees of scikit-learn as the arrays of ml/trees.py."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml.arrays import Matrix

Fields = dict[str, Any]


def stacked(trees: Sequence[Fields], base: Any, *, is_single: bool) -> Fields:
    """One set of arrays of many trees, whose children are numbered within each tree."""
    sizes = [len(tree["feature"]) for tree in trees]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    fields: Fields = {
        name: np.concatenate([tree[name] for tree in trees])
        for name in ("feature", "threshold", "cover", "values")
    }
    for side in ("left", "right"):
        shifted = [tree[side] + offset for tree, offset in zip(trees, offsets, strict=False)]
        fields[side] = np.concatenate(shifted)
    fields["roots"] = offsets[:-1]
    fields["base"] = np.asarray(base, dtype=np.float64)
    fields["is_single"] = np.array(int(is_single))
    return fields


def single_tree(tree: Any, share: float = 1.0) -> Fields:
    """A fitted `tree_`, its values times `share`: class shares, or means of a number."""
    size = tree.node_count
    own = np.arange(size)
    is_leaf = tree.children_left == -1
    values: Matrix = tree.value[:, 0, :]
    if tree.n_classes[0] > 1:
        values = values / values.sum(axis=1, keepdims=True)
    return {
        "feature": np.where(is_leaf, 0, tree.feature).astype(np.int64),
        "threshold": np.where(is_leaf, 0.0, tree.threshold),
        "left": np.where(is_leaf, own, tree.children_left).astype(np.int64),
        "right": np.where(is_leaf, own, tree.children_right).astype(np.int64),
        "cover": np.asarray(tree.weighted_n_node_samples, dtype=np.float64),
        "values": np.where(is_leaf[:, None], values, 0.0) * share,
    }


def tree_fields(estimators: Sequence[Any]) -> Fields:
    """A decision tree, or a forest, which is the mean of its trees."""
    trees = [single_tree(estimator.tree_, 1.0 / len(estimators)) for estimator in estimators]
    return stacked(trees, np.zeros(trees[0]["values"].shape[1]), is_single=True)


def boosted_fields(model: Any) -> Fields:
    """A histogram gradient boosting model, each tree of which adds to one output."""
    outputs = model.n_trees_per_iteration_
    trees = []
    for iteration in model._predictors:
        for output, predictor in enumerate(iteration):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise ValueError("trees over categories have no arrays here; encode categories first")
            own = np.arange(len(nodes))
            is_leaf = nodes["is_leaf"].astype(bool)
            values = np.zeros((len(nodes), outputs))
            values[is_leaf, output] = nodes["value"][is_leaf]
            trees.append(
                {
                    "feature": np.where(is_leaf, 0, nodes["feature_idx"]).astype(np.int64),
                    "threshold": np.where(is_leaf, 0.0, nodes["num_threshold"]),
                    "left": np.where(is_leaf, own, nodes["left"]).astype(np.int64),
                    "right": np.where(is_leaf, own, nodes["right"]).astype(np.int64),
                    "cover": nodes["count"].astype(np.float64),
                    "values": values,
                }
            )
    return stacked(trees, np.ravel(model._baseline_prediction), is_single=False)
