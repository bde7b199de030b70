r"""Balanced quadrature pairs: halves that a complex cell can square and add without seeing phase.

An even and an odd Gabor differ in norm by sqrt((1 + q) / (1 - q)), q = exp(-4 pi^2 n_x^2), and the even one
has a DC. Two halves with transfer functions W_0(k) and W_1(k) answer a grating cos(k x + theta) with

.. math:: c^2 = A + B \cos(2\theta + \ldots), \quad
    A = \tfrac12 (|W_0|^2 + |W_1|^2), \quad B = \tfrac12 |W_0^2 + W_1^2|,

so that equal norms do not make B vanish where n_x is small: they leave up to 2.6 % of modulation at the
pair's preferred frequency. Here the half with the higher gain is therefore turned, by some degrees, towards a
field of its own symmetry until both gains are equal there, which leaves the norms as they are.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from v1sim._types import FloatArray
from v1sim.gabor import Gabor
from v1sim.grid import Grid

_N_FREQUENCIES = 16
"""Frequencies at which the preferred one is looked for, before a parabola through the best three."""
_FINE, _REACH = 0.05, 6.0
"""Carrier [cycles/px] and half-width [sigma] of the rows that the tuning of a pair is measured on."""
_TOGETHER = 16
"""Pairs that are balanced at once, so that what they need in between stays small."""
_ROUNDS = 3
"""Each turn moves the preferred frequency a little: the modulation falls from 2.6 % to 1.1, 0.5 and 0.3 %."""


def plain_pairs(gabor: Gabor, grid: Grid) -> FloatArray:
    """Return each Gabor and its partner a quarter cycle later as they are, shape (n, 2, ny, nx)."""
    p = _bank(gabor)
    bank = Gabor(**p)
    return np.stack([bank.render(grid), bank.quadrature().render(grid)], axis=1)


def balanced_pairs(gabor: Gabor, grid: Grid) -> FloatArray:
    """Return the quadrature pair of each Gabor without DC, orthogonal, of equal norm and of equal gain.

    The even and the odd half are balanced first and then turned by the Gabor's phase, so that the plane
    they span does not depend on it. The common norm is the root mean square of those of the plain halves.

    Returns
    -------
    ndarray, shape (n, 2, ny, nx)
        The half nearest the Gabor itself, and its partner a quarter cycle later.

    Raises
    ------
    ValueError
        If a half is zero without its DC.
    """
    bank = Gabor(**_bank(gabor))
    pairs = np.empty((len(bank), 2, *grid.shape))
    degenerate: list[int] = []
    for first in range(0, len(bank), _TOGETHER):
        part = slice(first, first + _TOGETHER)
        pairs[part], empty = _balanced(bank[part], grid)
        degenerate += (first + np.flatnonzero(empty)).tolist()
    if degenerate:
        raise ValueError(
            f"gabor must have a carrier that the grid resolves: cells {degenerate} have an odd or "
            "an even half that is zero"
        )
    return pairs


def _balanced(bank: Gabor, grid: Grid) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return balanced pairs (n, 2, ny, nx), and whether a half is zero without its DC, shape (n,)."""
    p = bank.parameters()
    still = np.zeros_like(p["phi"])
    envelope = Gabor(**p | {"alpha": still + 1, "f": still, "phi": still}).render(grid)
    even, odd = plain_pairs(Gabor(**p | {"phi": still}), grid).swapaxes(0, 1)
    norm = np.sqrt((_norm(even) ** 2 + _norm(odd) ** 2) / 2)
    even, odd = _without_dc(even, envelope), _without_dc(odd, envelope)
    empty = np.minimum(_norm(even), _norm(odd)) <= np.sqrt(np.finfo(np.float64).eps) * norm
    if empty.any():
        return np.zeros((len(bank), 2, *grid.shape)), empty[:, 0, 0]
    even, odd = _orthonormal(even, odd)
    for _ in range(_ROUNDS):
        even, odd = _equal_gain(even, odd, envelope, bank, grid)
    cos, sin = np.cos(p["phi"])[:, None, None], np.sin(p["phi"])[:, None, None]
    pairs = np.stack([norm * (cos * even - sin * odd), norm * (cos * odd + sin * even)], axis=1)
    return pairs, empty[:, 0, 0]


def phase_modulation(pairs: FloatArray, gabor: Gabor, grid: Grid) -> FloatArray:
    """Return how much the L2 norm of each pair varies over the phase of its preferred grating.

    Returns
    -------
    ndarray, shape (n,)
        (max - min) / (max + min) of sqrt(s_0^2 + s_1^2), between 0 and 1.
    """
    gains = transfer(pairs, preferred_frequency(pairs, gabor, grid)[:, None], gabor, grid)[..., 0]
    mean, swing = (np.abs(gains) ** 2).sum(axis=1), np.abs((gains**2).sum(axis=1))
    largest, smallest = np.sqrt(mean + swing), np.sqrt(np.maximum(mean - swing, 0))
    return np.asarray((largest - smallest) / (largest + smallest))


def preferred_frequency(pairs: FloatArray, gabor: Gabor, grid: Grid) -> FloatArray:
    """Return the frequency along the carrier to which each pair answers best [radians/unit], shape (n,).

    It lies between f and sqrt(f^2 + 2 / sigma_x^2): a pair of few cycles is that of the first two derivatives
    of a Gaussian, whose spectra peak at 1 / sigma and sqrt(2) / sigma.
    """
    p = _bank(gabor)
    low, tau = np.abs(p["f"]), p["tau"]
    nyquist = 2 * np.pi * grid.nyquist / np.maximum(np.abs(np.cos(tau)), np.abs(np.sin(tau)))
    high = np.maximum(low, np.minimum(np.sqrt(low**2 + 4 * p["beta_x"]), nyquist))  # 2/sigma^2 = 4 beta
    frequencies = np.linspace(low, high, _N_FREQUENCIES, axis=1)
    power = (np.abs(transfer(pairs, frequencies, gabor, grid)) ** 2).sum(axis=1)
    cells, best = np.arange(len(pairs)), power.argmax(axis=1).clip(1, _N_FREQUENCIES - 2)
    before, at, after = power[cells, best - 1], power[cells, best], power[cells, best + 1]
    curved = before - 2 * at + after < 0
    shift = 0.5 * (before - after) / np.where(curved, before - 2 * at + after, 1)
    step = (high - low) / (_N_FREQUENCIES - 1)
    return np.asarray(np.clip(frequencies[cells, best] + np.where(curved, shift, 0) * step, low, high))


@cache
def tuning_of_pairs() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return what balance makes of a pair's frequency and gain, which depend on its n_x alone.

    The envelope and the balance are separable, so that one row of pixels along the carrier has it all.

    Returns
    -------
    n_x : ndarray, shape (n,)
        From .05 to 2, evenly on a logarithmic axis, to be interpolated in.
    peak : ndarray, shape (n,)
        Preferred spatial frequency over that of the carrier, at least 1.
    gain : ndarray, shape (n,)
        Gain of each half at the preferred frequency, over that of a Gabor of many cycles.
    """
    n_x = np.geomspace(0.05, 2, 256)
    sigma = n_x / _FINE
    row = Grid((1, 2 * int(np.ceil(_REACH * sigma.max())) + 1))
    gabor = Gabor.from_tuning(spatial_frequency=_FINE, orientation_deg=90, n_x=n_x, n_y=1.0)
    pairs = balanced_pairs(gabor, row)
    preferred = preferred_frequency(pairs, gabor, row)
    gain = np.abs(transfer(pairs, preferred[:, None], gabor, row)[:, 0, 0])
    return n_x, preferred / (2 * np.pi * _FINE), np.asarray(gain / (sigma * np.sqrt(np.pi / 2)))


def transfer(fields: FloatArray, frequencies: FloatArray, gabor: Gabor, grid: Grid) -> NDArray[np.complex128]:
    """Return sum w(x, y) exp(i k x') of fields (n, m, ny, nx) at frequencies (n, n_k), shape (n, m, n_k)."""
    tau = _bank(gabor)["tau"][:, None, None]
    across = np.exp(1j * frequencies[:, :, None] * np.cos(tau) * grid.x_axis)  # (n, n_k, nx)
    upwards = np.exp(1j * frequencies[:, :, None] * np.sin(tau) * grid.y_axis)
    rows = zip(fields, across, upwards, strict=True)
    with threadpool_limits(limits=1, user_api="blas"):  # products too small to share out: 20 times slower
        gains = [np.einsum("myk,ky->mk", w @ a.T, u) for w, a, u in rows]
    return np.array(gains, np.complex128).reshape(*fields.shape[:2], frequencies.shape[1])


def _equal_gain(
    even: FloatArray, odd: FloatArray, envelope: FloatArray, gabor: Gabor, grid: Grid
) -> tuple[FloatArray, FloatArray]:
    """Turn the half of the higher gain out of the pair's plane until both gains are equal.

    The turn goes towards x'^2 times the half itself: as local, of the same symmetry, and freed of DC and of
    what it shares with the pair.
    """
    pair = np.stack([even, odd], axis=1)
    frequency = preferred_frequency(pair, gabor, grid)[:, None]
    cells = np.arange(len(pair))
    strong = np.abs(transfer(pair, frequency, gabor, grid)[..., 0]).argmax(axis=1)
    turned = pair[cells, strong]
    along = _along(gabor, grid)
    aside = _without_dc(along**2 * turned, envelope)
    aside = aside - np.einsum("nm,nmyx->nyx", np.einsum("nyx,nmyx->nm", aside, pair), pair)
    aside = aside / _norm(aside)
    fields = np.stack([turned, pair[cells, 1 - strong], aside], axis=1)
    own, other, side = transfer(fields, frequency, gabor, grid)[..., 0].T
    side = (side * own.conj()).real / np.abs(own)
    reach = np.arccos(np.minimum(np.abs(other) / np.hypot(np.abs(own), side), 1))
    towards = np.arctan2(side, np.abs(own))
    angle = (towards - np.copysign(reach, towards))[:, None, None]  # the smaller of the two turns
    pair[cells, strong] = np.cos(angle) * turned + np.sin(angle) * aside
    return pair[:, 0], pair[:, 1]


def _bank(gabor: Gabor) -> dict[str, FloatArray]:
    return {name: np.atleast_1d(value) for name, value in gabor.parameters().items()}


def _along(gabor: Gabor, grid: Grid) -> FloatArray:
    """Return x' of each Gabor at each pixel, shape (n, ny, nx)."""
    p = {name: value[:, None, None] for name, value in _bank(gabor).items()}
    return np.asarray((grid.x - p["x0"]) * np.cos(p["tau"]) + (grid.y - p["y0"]) * np.sin(p["tau"]))


def _norm(fields: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(fields, axis=(1, 2), keepdims=True))


def _without_dc(fields: FloatArray, envelope: FloatArray) -> FloatArray:
    """Subtract the envelope, scaled so that each field sums to zero: the field stays local."""
    dc = fields.sum(axis=(1, 2), keepdims=True) / envelope.sum(axis=(1, 2), keepdims=True)
    return np.asarray(fields - dc * envelope)


def _orthonormal(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the orthonormal pairs nearest to pairs of fields of equal weight (Loewdin 1950).

    The sum and the difference of two unit vectors are orthogonal; once normalised, half a turn in their
    plane brings them back next to where the two vectors were.
    """
    first, second = first / _norm(first), second / _norm(second)
    total, difference = first + second, first - second
    total, difference = total / _norm(total), difference / _norm(difference)
    return (total + difference) / np.sqrt(2), (total - difference) / np.sqrt(2)
