"""Trees of scikit-learn and XGBoost as the arrays of ml/trees.py."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ml.arrays import Matrix

Fields = dict[str, Any]


def fields_of(model: Any) -> Fields:
    """A fitted tree, forest, or either kind of boosting."""
    if hasattr(model, "get_booster"):
        return xgboost_fields(model)
    if hasattr(model, "n_trees_per_iteration_"):
        return boosted_fields(model)
    return tree_fields(getattr(model, "estimators_", [model]))


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


def xgboost_fields(model: Any) -> Fields:
    """An XGBoost model, each tree of which adds to one output.

    It reads in single precision and goes left below a threshold, these arrays up to it: so each
    threshold is the number right before. `cover` is the sum of second derivatives, as in its own reasons.
    """
    learner = json.loads(model.get_booster().save_raw("json"))["learner"]
    base = np.array(json.loads(learner["learner_model_param"]["base_score"]), dtype=np.float64)
    if learner["objective"]["name"] == "binary:logistic":
        base = np.log(base / (1 - base))  # it is told as a probability
    boosted = learner["gradient_booster"]["model"]
    trees = []
    for output, tree in zip(boosted["tree_info"], boosted["trees"], strict=True):
        left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
        is_leaf, own = left == -1, np.arange(len(left))
        split = np.array(tree["split_conditions"], dtype=np.float32)  # of a leaf its value
        values = np.zeros((len(left), len(base)))
        values[is_leaf, output] = split[is_leaf]
        trees.append(
            {
                "feature": np.where(is_leaf, 0, tree["split_indices"]).astype(np.int64),
                "threshold": np.where(is_leaf, 0.0, np.nextafter(split, np.float32(-np.inf))),
                "left": np.where(is_leaf, own, left).astype(np.int64),
                "right": np.where(is_leaf, own, right).astype(np.int64),
                "cover": np.array(tree["sum_hessian"], dtype=np.float64),
                "values": values,
            }
        )
    return stacked(trees, base, is_single=True)
