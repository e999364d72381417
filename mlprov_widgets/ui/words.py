"""The numbers of a result in plain words; docs/glossary.md has the same and more."""

from __future__ import annotations

from html import escape
from typing import Final

from mlprov_widgets.provenance.terms import HEADLINES
from mlprov_widgets.ui.parts import folded

METRICS: Final = {
    "accuracy": (
        "The share of samples that were put into the right class; 1 is all of them. The test samples, which "
        "had no part in the training, are what counts."
    ),
    "majority_baseline": (
        "The accuracy of always naming the class that is most frequent. A model that is not clearly above it "
        "has learned nothing."
    ),
    "loss": (
        "What the training makes small: how wrong the outputs are. It compares two runs with the same loss "
        "function, and has no scale of its own."
    ),
    "auc": (
        "Area under the ROC curve: how often a sample of a class gets a higher score for it than a sample of "
        "another class does. 1 is always, 0.5 is chance."
    ),
    "f1_macro": (
        "The F1 score joins two questions: how many of the samples that were put into a class belong there, "
        "and how many that belong there were found. It is taken for each class, and the mean counts small "
        "classes as much as large ones."
    ),
    "mae": (
        "Mean absolute error: how far the number of the predicted class is from that of the right one, on "
        "average. It means something only if the classes have an order."
    ),
    "mse": "Mean squared error: the same with each distance squared, so that far misses count more.",
}
"""Metric to what it says; of all that stand out in a result."""


def metrics_html(metrics: object) -> str:
    """Return what the numbers of a result mean, to be unfolded; nothing where there are none.

    Parameters
    ----------
    metrics
        Metric to value.
    """
    shown = [name for name in HEADLINES if isinstance(metrics, dict) and name in metrics]
    if not shown:
        return ""
    rows = "".join(f"<dt>{escape(HEADLINES[name])}</dt><dd>{escape(METRICS[name])}</dd>" for name in shown)
    return folded("What these numbers mean", f'<dl class="mlprov-choices">{rows}</dl>')
