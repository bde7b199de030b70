r"""Other people's names for the same function: OpenCV, scikit-image, physiology.

| here | OpenCV ``getGaborKernel`` | scikit-image ``gabor_kernel`` | physiology |
|---|---|---|---|
| f [rad/unit] | lambd = 2 pi / f | frequency = f / (2 pi) | spatial frequency [cycles/unit] |
| beta_x | sigma = 1 / sqrt(2 beta_x) | sigma_x | n_x = sigma_x F |
| beta_y | gamma = sigma_x / sigma_y | sigma_y | n_y = sigma_y F |
| phi | psi | offset | phase |
| tau, y up | theta = pi - tau | theta = -tau | orientation = tau + 90 deg |

OpenCV's kernel is laid down with x to the left and y up, scikit-image's with y down, which is where the two
theta come from. Angles are brought to the canonical range; the kernels are the same pixel by pixel.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from v1sim._types import FloatArray
from v1sim.gabor._function import Gabor


def to_opencv(gabor: Gabor) -> dict[str, FloatArray]:
    """Return the parameters of ``cv2.getGaborKernel``, and the amplitude and centre that it lacks.

    Parameters
    ----------
    gabor : Gabor
        Lengths in pixels.

    Returns
    -------
    dict of str to ndarray
        ``sigma, lambd`` [px], ``theta, psi`` [radians], ``gamma``, ``amplitude``, ``x0, y0`` [px].

    References
    ----------
    OpenCV, imgproc, ``getGaborKernel``.
    """
    return {
        "sigma": gabor.sigma_x,
        "theta": np.asarray((np.pi - gabor.tau) % (2 * np.pi)),
        "lambd": 2 * np.pi / gabor.f,
        "gamma": gabor.sigma_x / gabor.sigma_y,
        "psi": gabor.phi,
        "amplitude": gabor.alpha,
        "x0": gabor.x0,
        "y0": gabor.y0,
    }


def from_opencv(
    *,
    sigma: ArrayLike,
    theta: ArrayLike,
    lambd: ArrayLike,
    gamma: ArrayLike = 1.0,
    psi: ArrayLike = np.pi / 2,
    amplitude: ArrayLike = 1.0,
    x0: ArrayLike = 0.0,
    y0: ArrayLike = 0.0,
) -> Gabor:
    """Return the canonical Gabor of OpenCV's parameters (its default psi is an odd kernel).

    Parameters
    ----------
    sigma, lambd : array_like
        Standard deviation along the carrier and wavelength [px].
    theta, psi : array_like
        Direction and phase [radians].
    gamma : array_like, optional
        Aspect sigma_x / sigma_y.
    amplitude, x0, y0 : array_like, optional
        What OpenCV does not have.

    Raises
    ------
    ValueError
        If sigma, lambd or gamma is not above 0.
    """
    widths = _positive(sigma=sigma, lambd=lambd, gamma=gamma)
    return Gabor(
        alpha=amplitude,
        beta_x=1 / (2 * widths["sigma"] ** 2),
        beta_y=widths["gamma"] ** 2 / (2 * widths["sigma"] ** 2),
        f=2 * np.pi / widths["lambd"],
        phi=psi,
        x0=x0,
        y0=y0,
        tau=np.pi - np.asarray(theta, np.float64),
    ).canonical()


def to_skimage(gabor: Gabor) -> dict[str, FloatArray]:
    """Return the parameters of ``skimage.filters.gabor_kernel``, and the gain and centre that it lacks.

    Parameters
    ----------
    gabor : Gabor
        Lengths in pixels.

    Returns
    -------
    dict of str to ndarray
        ``frequency`` [cycles/px], ``theta, offset`` [radians], ``sigma_x, sigma_y`` [px]; ``gain``, by which
        the real part of the kernel (whose envelope integrates to 1) is to be multiplied; ``x0, y0`` [px].
    """
    return {
        "frequency": gabor.spatial_frequency,
        "theta": -gabor.tau,
        "sigma_x": gabor.sigma_x,
        "sigma_y": gabor.sigma_y,
        "offset": gabor.phi,
        "gain": gabor.alpha * 2 * np.pi * gabor.sigma_x * gabor.sigma_y,
        "x0": gabor.x0,
        "y0": gabor.y0,
    }


def from_skimage(
    *,
    frequency: ArrayLike,
    theta: ArrayLike = 0.0,
    bandwidth: ArrayLike = 1.0,
    sigma_x: ArrayLike | None = None,
    sigma_y: ArrayLike | None = None,
    offset: ArrayLike = 0.0,
    gain: ArrayLike = 1.0,
    x0: ArrayLike = 0.0,
    y0: ArrayLike = 0.0,
) -> Gabor:
    """Return the canonical Gabor of scikit-image's parameters: the real part of its kernel times `gain`.

    Parameters
    ----------
    frequency : array_like
        Spatial frequency [cycles/px], above 0.
    theta, offset : array_like, optional
        Direction (y down) and phase [radians].
    bandwidth : array_like, optional
        Full bandwidth at half height [octaves], from which sigmas that are not given follow.
    sigma_x, sigma_y : array_like, optional
        Standard deviations along and across the carrier [px].
    gain, x0, y0 : array_like, optional
        What scikit-image does not have.

    Raises
    ------
    ValueError
        If frequency, bandwidth or a sigma is not above 0.
    """
    given = _positive(frequency=frequency, bandwidth=bandwidth)
    ratio = (2 ** given["bandwidth"] + 1) / (2 ** given["bandwidth"] - 1)
    usual = np.sqrt(np.log(2) / 2) / np.pi * ratio / given["frequency"]
    sigmas = _positive(
        sigma_x=usual if sigma_x is None else sigma_x, sigma_y=usual if sigma_y is None else sigma_y
    )
    return Gabor(
        alpha=np.asarray(gain, np.float64) / (2 * np.pi * sigmas["sigma_x"] * sigmas["sigma_y"]),
        beta_x=1 / (2 * sigmas["sigma_x"] ** 2),
        beta_y=1 / (2 * sigmas["sigma_y"] ** 2),
        f=2 * np.pi * given["frequency"],
        phi=offset,
        x0=x0,
        y0=y0,
        tau=-np.asarray(theta, np.float64),
    ).canonical()


def to_tuning(gabor: Gabor) -> dict[str, Any]:
    """Return what a physiologist reports, in the names of `Gabor.from_tuning`, which is the way back.

    Parameters
    ----------
    gabor : Gabor
        A Gabor or a bank.

    Returns
    -------
    dict
        ``spatial_frequency`` [cycles/unit], ``orientation_deg`` of the bars, ``n_x, n_y``, ``phase``
        [radians], ``centre`` (x0, y0) [unit], ``amplitude``.
    """
    g = gabor.canonical()
    # The orientation is folded to [0, 180); a carrier that is thereby turned by 180 degrees changes phase.
    turned = np.cos(np.deg2rad(g.orientation_deg - 90) - g.tau) < 0
    return {
        "spatial_frequency": g.spatial_frequency,
        "orientation_deg": g.orientation_deg,
        "n_x": g.n_x,
        "n_y": g.n_y,
        "phase": np.where(turned, -g.phi, g.phi),
        "centre": (g.x0, g.y0),
        "amplitude": g.alpha,
    }


def _positive(**given: ArrayLike) -> dict[str, FloatArray]:
    arrays = {name: np.asarray(value, np.float64) for name, value in given.items()}
    for name, array in arrays.items():
        if not (array > 0).all():
            raise ValueError(f"{name} must be above 0, got a smallest value of {array.min()}")
    return arrays
