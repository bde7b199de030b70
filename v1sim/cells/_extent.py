r"""How much of a cell lies outside of a frame, or beyond what its pixels can carry, in closed form.

The squared envelope of a Gabor is a Gaussian, and the products of its even and odd halves are that Gaussian
times 1, cos(f x'), cos(2 f x') and their sines. Beyond a straight edge at distance d from the centre each
integrates to

.. math:: E[e^{i k x'}; u > d] = e^{-k^2 \sigma_x^2 / 4} \,
    \tfrac12 \operatorname{erfc} \frac{d - i k c}{\sqrt 2 s},

with the variance s^2 of u under the Gaussian and its covariance c with x'. The four sides of a frame are
added up, which counts its corners twice: what is outside is never more than told.
"""

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor import Gabor
from v1sim.grid import Grid


def energy_outside(gabor: Gabor, grid: Grid) -> FloatArray:
    """Return the share of each cell's energy that lies outside of the frame, at the worst phase, shape (n,).

    A cell is any unit vector in the plane of the even half, without its DC, and the odd one, both of unit
    norm: a simple cell of whatever phase, or a complex cell with both.
    """
    from scipy.special import erfc  # slow to import

    p = {name: np.atleast_1d(value) for name, value in gabor.parameters().items()}
    f, var_x, var_y = p["f"], 1 / (2 * p["beta_x"]), 1 / (2 * p["beta_y"])
    cos, sin = np.cos(p["tau"]), np.sin(p["tau"])
    height, width = grid.size
    sides = (
        (width / 2 - p["x0"], cos, sin),
        (width / 2 + p["x0"], -cos, -sin),
        (height / 2 - p["y0"], sin, cos),
        (height / 2 + p["y0"], -sin, -cos),
    )

    def beyond(k: FloatArray) -> NDArray[np.complex128]:
        """Return E[exp(i k x'); outside] under the squared envelope, complex."""
        total = np.zeros(np.shape(f), complex)
        for distance, along, across in sides:
            spread = np.sqrt(along**2 * var_x + across**2 * var_y)  # sqrt(2) s
            total += erfc((distance - 0.5j * k * var_x * along) / spread) / 2
        return np.asarray(np.exp(-(k**2) * var_x / 4) * total)

    def of_halves(integrals: list[NDArray[np.complex128]]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return <even, even>, <odd, odd> and <even, odd> from the integrals at k = 0, f and 2f."""
        still, once, twice = integrals
        even = still.real / 2 + twice.real / 2 - 2 * dc * once.real + dc**2 * still.real
        return even, still.real / 2 - twice.real / 2, twice.imag / 2 - dc * once.imag

    dc = np.exp(-(f**2) * var_x / 2)
    all_even, all_odd, _ = of_halves([np.exp(-((m * f) ** 2) * var_x / 4) + 0j for m in (0, 1, 2)])
    even, odd, both = of_halves([beyond(m * f) for m in (0, 1, 2)])
    even, odd, both = even / all_even, odd / all_odd, both / np.sqrt(all_even * all_odd)
    return np.asarray((even + odd) / 2 + np.hypot((even - odd) / 2, both))  # larger eigenvalue of 2 x 2


def energy_beyond_nyquist(gabor: Gabor, grid: Grid) -> FloatArray:
    """Return the share of each spectrum's energy beyond what the pixels can carry, shape (n,)."""
    from scipy.special import erfc

    p = {name: np.atleast_1d(value) for name, value in gabor.parameters().items()}
    highest, total = 2 * np.pi * grid.nyquist, np.zeros(len(p["f"]))
    for along, across in ((np.cos(p["tau"]), np.sin(p["tau"])), (np.sin(p["tau"]), np.cos(p["tau"]))):
        spread = np.sqrt(2 * (along**2 * p["beta_x"] + across**2 * p["beta_y"]))
        for sign in (1, -1):
            total += erfc((highest - sign * p["f"] * along) / spread) / 2
    return total
