"""The runs of section 6 with their benchmark scores, as a file has them."""

import dataclasses
import os
from collections.abc import Mapping

import numpy as np
import scipy.stats
from jaxtyping import Float, Int

from lifetimescale.runs import Runs, read_runs, read_scores

Column = Float[np.ndarray, " n"]

AVERAGE = "gauntlet_average"
CATEGORIES = (
    "world_knowledge",
    "reading_comprehension",
    "language_understanding",
    "commonsense_reasoning",
    "symbolic_problem_solving",
)
MOST_SIZES = 6  # of the paper, and what two rows of panels hold


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Runs, and the scores of each.

    Args:
        runs: params, tokens and loss.
        scores: the average of the Evaluation Gauntlet and its five categories, by the names of their columns.
    """

    runs: Runs
    scores: Mapping[str, Column]

    @property
    def params(self) -> Column:
        """N of each run."""
        return np.asarray(self.runs.params, float)

    @property
    def tokens_per_param(self) -> Column:
        """D/N of each run, to three digits, as runs are planned."""
        return np.array([float(f"{ratio:.3g}") for ratio in np.asarray(self.runs.tokens_per_param)])

    @property
    def loss(self) -> Column:
        """L of each run."""
        return np.asarray(self.runs.loss, float)

    @property
    def sizes(self) -> Column:
        """The different N, growing."""
        return np.unique(self.params)

    def of_size(self, size: float) -> Int[np.ndarray, " m"]:
        """Which runs have that many params, by growing tokens."""
        rows = np.flatnonzero(self.params == size)
        return rows[np.argsort(self.tokens_per_param[rows], kind="stable")]

    def of_ratio(self, ratio: float) -> Int[np.ndarray, " m"]:
        """Which runs have that many tokens per param, by growing size."""
        rows = np.flatnonzero(self.tokens_per_param == ratio)
        return rows[np.argsort(self.params[rows], kind="stable")]

    def correlation(self, score: str) -> float:
        """Pearson's, of the loss with a score."""
        return float(np.corrcoef(self.loss, self.scores[score])[0, 1])

    def rank_correlation(self, score: str) -> float:
        """Spearman's, of the loss with a score."""
        ranks = (scipy.stats.rankdata(column) for column in (self.loss, self.scores[score]))
        return float(np.corrcoef(*ranks)[0, 1])


def read_experiment(path: str | os.PathLike[str]) -> Experiment:
    """The runs of a file with params, tokens, loss and the columns of the scores.

    Raises:
        ValueError: the file, a column or a cell cannot be used, or there are too many sizes to draw; the message says
            which and what to do.
    """
    runs = read_runs(path)
    scores = {name: read_scores(path, score=name)[1] for name in (AVERAGE, *CATEGORIES)}
    experiment = Experiment(runs, scores)
    count = len(experiment.sizes)
    if len(runs) < 3 or count > MOST_SIZES:
        raise ValueError(
            f"{path} has {len(runs)} runs of {count} sizes: give three runs or more of at most {MOST_SIZES} sizes, as "
            "the 47 of the paper are"
        )
    for name, column in scores.items():
        if np.ptp(column) == 0:
            raise ValueError(f"{path}: all runs have the same {name}, so nothing follows it: give their own scores")
    return experiment
