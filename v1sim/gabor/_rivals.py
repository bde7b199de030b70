"""Functions that a Gabor has to be better than, in the terms of `_problem.Family`.

A Gaussian is the even atom without a carrier and the derivative of a Gaussian the limit of the odd one, so
both are Gabors whose frequency is held at its lower bound. A plane wave is a Gabor without an envelope. A
difference of Gaussians has two round envelopes around one centre for its atoms.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._types import FloatArray
from v1sim.gabor._chart import AT_BOUND, LOG_F, LOG_SX, LOG_SY, N_SHAPE, TAU, X0, Y0, Box, polynomials
from v1sim.gabor._moments import Pixels, gabor_atoms
from v1sim.gabor._problem import GABOR, Family, gabor_tangents
from v1sim.gabor._starts import round_window, spectral_peaks

_WITHOUT_ENVELOPE = (np.log(50.0), np.log(100.0))
"""log sigma of a plane wave, in half patches: the envelope falls by 2e-4 to the corner."""
_ASPECT = 1.5
"""Starting elongation of windows, and ratio of centre and surround to their mean."""


def _dog_polynomials(shape: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    x0, y0, log_centre, log_surround = shape[:, :4].T
    zero, one = np.zeros_like(x0), np.ones_like(x0)
    circle = np.stack([x0**2 + y0**2, -2 * x0, -2 * y0, one, zero, one], axis=1)
    toward_x, toward_y = (
        np.stack([-a, *linear, zero, zero, zero], axis=1)
        for a, linear in ((x0, (one, zero)), (y0, (zero, one)))
    )
    out = []
    for place, log_sigma in ((LOG_SX, log_centre), (LOG_SY, log_surround)):
        twice = np.exp(-2 * log_sigma)[:, None]  # 2 beta
        derivative = np.zeros((len(shape), N_SHAPE, 6))
        derivative[:, X0], derivative[:, Y0] = twice * toward_x, twice * toward_y
        derivative[:, place] = twice * circle
        out.append((-twice / 2 * circle, derivative))
    return out[0][0], out[1][0], out[0][1], out[1][1]


def _dog_atoms(
    pixels: Pixels, centre: FloatArray, surround: FloatArray, out: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    both = out[:2, : len(centre)]
    np.matmul(np.stack([centre, surround]).astype(both.dtype), pixels.monomials[:6], out=both)
    np.exp(both, out=both)
    return both[0], both[1]


def _dog_tangents(linear: FloatArray, d_centre: FloatArray, d_surround: FloatArray) -> FloatArray:
    return np.concatenate(
        [linear[:, 0, None, None] * d_centre, linear[:, 1, None, None] * d_surround], axis=2
    )


_CARRIER_FREE: dict[str, Any] = {"polynomials": polynomials, "atoms": gabor_atoms, "tangents": gabor_tangents}
FAMILIES = {
    "gabor": GABOR,
    "gaussian": Family(name="gaussian", n_parameters=6, frozen=(LOG_F,), only=0, **_CARRIER_FREE),
    "gaussian_derivative": Family(
        name="gaussian_derivative", n_parameters=6, frozen=(LOG_F,), only=1, **_CARRIER_FREE
    ),
    "dog": Family(
        name="dog",
        n_parameters=6,
        polynomials=_dog_polynomials,
        atoms=_dog_atoms,
        tangents=_dog_tangents,
        frozen=(LOG_F, TAU),
    ),
    "plane_wave": Family(name="plane_wave", n_parameters=4, frozen=(X0, Y0, LOG_SX, LOG_SY), **_CARRIER_FREE),
}


def box_of(name: str, box: Box) -> Box:
    """Bounds of a family, given those of a Gabor."""
    if name != "plane_wave":
        return box
    lower, upper = box.lower.copy(), box.upper.copy()
    lower[[LOG_SX, LOG_SY]], upper[[LOG_SX, LOG_SY]] = _WITHOUT_ENVELOPE
    return Box(lower, upper)


def rival_starts(name: str, box: Box, pixels: Pixels, fields: FloatArray) -> FloatArray:
    """Free coordinates to start a family other than Gabor from, (n, starts, 6); fields are (n, ny, nx)."""
    single = fields.astype(np.float32)
    if name == "plane_wave":
        waves = spectral_peaks(pixels, single, 3)
        shapes = np.zeros((*waves.shape[:2], N_SHAPE))
        shapes[..., LOG_F] = np.log(np.maximum(np.hypot(waves[..., 0], waves[..., 1]), np.pi / 8))
        shapes[..., TAU] = np.arctan2(waves[..., 1], waves[..., 0])
        shapes[..., [LOG_SX, LOG_SY]] = box.centre[LOG_SX]
        return _free(box, shapes)
    carriers = np.zeros((len(fields), 1, 2))
    if name == "gaussian_derivative":  # an edge looks like a slow wave
        carriers = spectral_peaks(pixels, single, 2)
    windows = []
    for i in range(carriers.shape[1]):
        window = round_window(pixels, single, carriers[:, i])
        for turn in (0.0,) if name == "dog" else np.arange(4) * np.pi / 4:
            shape = window.copy()
            shape[:, LOG_SX] -= np.log(_ASPECT)
            shape[:, LOG_SY] += np.log(_ASPECT)
            shape[:, TAU] = turn
            windows.append(shape)
    free = _free(box, np.stack(windows, axis=1))
    free[..., LOG_F] = -AT_BOUND
    return free


def _free(box: Box, shapes: FloatArray) -> FloatArray:
    return box.free(shapes.reshape(-1, N_SHAPE)).reshape(shapes.shape)
