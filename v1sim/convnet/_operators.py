"""Correlation and convolution of one picture with one kernel, by their two-dimensional definitions."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from v1sim import _checks
from v1sim.convnet._convolution import Conv2d
from v1sim.convnet._geometry import PADDINGS


def correlate2d(image: ArrayLike, kernel: ArrayLike, mode: str = "valid") -> NDArray[Any]:
    r"""Return the cross-correlation of a picture with a kernel.

    .. math:: Z[j, k] = \sum_{m, n} V[j + m, k + n] \; K[m, n]

    Parameters
    ----------
    image : array_like, shape (row, column)
        V; zeros lie outside of it.
    kernel : array_like, shape (row, column)
        K.
    mode : {"valid", "same", "full"}, optional
        Which positions: those where the kernel lies wholly inside (m - k + 1 of them along an axis), those of
        the picture (m), all at which they overlap (m + k - 1).

    Returns
    -------
    ndarray
        float32 if both are, float64 otherwise. The same as `scipy.signal.correlate2d`.

    Raises
    ------
    TypeError, ValueError
        If either is not a matrix of finite real numbers, the mode is unknown, or the kernel is larger than
        the picture under "valid".

    Examples
    --------
    Correlation with a kernel is convolution with the kernel turned by 180 degrees; it does not commute:

    >>> a, b = np.arange(12.0).reshape(3, 4), np.array([[1.0, 2.0, 0.0]])
    >>> np.array_equal(correlate2d(a, b), convolve2d(a, b[::-1, ::-1]))
    True
    >>> np.array_equal(correlate2d(a, b, "full"), correlate2d(b, a, "full"))
    False
    """
    return _applied(image, kernel, mode, flip=False)


def convolve2d(image: ArrayLike, kernel: ArrayLike, mode: str = "valid") -> NDArray[Any]:
    r"""Return the convolution of a picture with a kernel.

    .. math:: Z[j, k] = \sum_{m, n} V[j - m, k - n] \; K[m, n]

    Parameters
    ----------
    image, kernel : array_like, shape (row, column)
        V and K.
    mode : {"valid", "same", "full"}, optional
        As for `correlate2d`.

    Returns
    -------
    ndarray
        float32 if both are, float64 otherwise. The same as `scipy.signal.convolve2d`.

    Raises
    ------
    TypeError, ValueError
        As for `correlate2d`.

    Examples
    --------
    Convolution commutes, and a point gives the kernel back:

    >>> a, b = np.arange(12.0).reshape(3, 4), np.array([[1.0, 2.0, 0.0]])
    >>> np.array_equal(convolve2d(a, b, "full"), convolve2d(b, a, "full"))
    True
    >>> convolve2d([[0, 1, 0]], b, "same")
    array([[1., 2., 0.]])
    """
    return _applied(image, kernel, mode, flip=True)


def _applied(image: ArrayLike, kernel: ArrayLike, mode: str, *, flip: bool) -> NDArray[Any]:
    picture = _checks.real_array("image", image)
    if picture.ndim != 2 or picture.size == 0:
        raise ValueError(
            f"image must have the axes (row, column), neither of them empty, got {picture.shape}"
        )
    _checks.finite("image", picture)
    weights = _checks.real_array("kernel", kernel)
    if weights.ndim != 2:
        raise ValueError(f"kernel must have the axes (row, column), got shape {weights.shape}")
    _checks.choice("mode", mode, PADDINGS)
    single = picture.dtype == np.float32 and weights.dtype == np.float32
    x = picture.astype(np.float32 if single else np.float64)
    y, _ = Conv2d(weights[None, None], padding=mode, flip=flip).forward(x[None, None])
    return np.asarray(y[0, 0])
