"""BG/NBD: people buy at a rate of their own until, after some purchase, they are lost. Fitted by maximum likelihood.

Fader, Hardie and Lee, "Counting your customers" the easy way, Marketing Science 24, 2005.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1


@dataclass(frozen=True)
class Parameters:
    """Of the gamma distribution of rates (`r`, `alpha`) and the beta distribution of the chance to be lost (`a`, `b`)."""

    r: float
    alpha: float
    a: float
    b: float


def fit(repeats: np.ndarray, last: np.ndarray, known: np.ndarray) -> Parameters:
    """The likeliest parameters.

    Args:
        repeats: (customers,) purchases after the first.
        last: (customers,) time from the first to the last purchase.
        known: (customers,) time from the first purchase to the end of what is known.
    """
    found = minimize(lambda logs: -_log_likelihood(np.exp(logs), repeats, last, known).mean(), np.zeros(4), method="L-BFGS-B")
    if not found.success:
        raise RuntimeError(f"BG/NBD did not converge: {found.message}")
    return Parameters(*(float(value) for value in np.exp(found.x)))


def _log_likelihood(values: np.ndarray, repeats: np.ndarray, last: np.ndarray, known: np.ndarray) -> np.ndarray:
    r, alpha, a, b = values
    rate = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha)
    stays = gammaln(a + b) + gammaln(b + repeats) - gammaln(b) - gammaln(a + b + repeats)
    alive = -(r + repeats) * np.log(alpha + known)
    lost = np.log(a) - np.log(b + np.maximum(repeats, 1) - 1) - (r + repeats) * np.log(alpha + last)
    return rate + stays + np.where(repeats > 0, np.logaddexp(alive, lost), alive)


def expected(parameters: Parameters, repeats: np.ndarray, last: np.ndarray, known: np.ndarray, ahead: float) -> np.ndarray:
    """(customers,) expected purchases in the time `ahead` after what is known (equation 10)."""
    r, alpha, a, b = parameters.r, parameters.alpha, parameters.a, parameters.b
    share = ahead / (alpha + known + ahead)
    series = hyp2f1(r + repeats, b + repeats, a + b + repeats - 1, share)
    bought = (a + b + repeats - 1) / (a - 1) * (1 - ((alpha + known) / (alpha + known + ahead)) ** (r + repeats) * series)
    lost = a / (b + np.maximum(repeats, 1) - 1) * ((alpha + known) / (alpha + last)) ** (r + repeats)
    return bought / (1 + np.where(repeats > 0, lost, 0))
