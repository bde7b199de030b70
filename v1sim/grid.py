"""The sampling grid of a frame: pixels <-> visual space, and the direction of the axes, said once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from v1sim import _checks


@dataclass(frozen=True)
class Grid:
    """Positions of the pixels of a frame.

    The origin is the middle of the patch, x points right along the columns and y points *up*, so that
    row 0 is the top of the picture and has the largest y.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns ``(ny, nx)``.
    pixel_size : float, optional
        Side of one (square) pixel [`unit` per pixel]. Default 1.
    unit : str, optional
        Name of the unit of length: ``"px"`` unless told, ``"deg"`` for degrees of visual angle.

    Raises
    ------
    TypeError, ValueError
        If `shape` is not a pair of positive integers, `pixel_size` is not positive, or pixels are said to
        have a size other than 1 px.

    Examples
    --------
    >>> grid = Grid((2, 3))
    >>> grid.x[0]
    array([-1.,  0.,  1.])
    >>> grid.y[:, 0]
    array([ 0.5, -0.5])
    """

    shape: tuple[int, int]
    pixel_size: float = 1.0
    unit: str = "px"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _checks.shape2d("shape", self.shape))
        object.__setattr__(self, "pixel_size", _checks.positive("pixel_size", self.pixel_size))
        if self.unit == "px" and self.pixel_size != 1:
            raise ValueError(
                f"pixel_size is {self.pixel_size} but unit is 'px': say which unit it is in, e.g. unit='deg'"
            )

    @property
    def x(self) -> NDArray[np.float64]:
        """Horizontal position of each pixel [unit], shape (ny, nx), growing to the right."""
        return np.tile(self.x_axis, (self.shape[0], 1))

    @property
    def y(self) -> NDArray[np.float64]:
        """Vertical position of each pixel [unit], shape (ny, nx), growing upwards."""
        return np.tile(self.y_axis[:, None], (1, self.shape[1]))

    @property
    def x_axis(self) -> NDArray[np.float64]:
        """Horizontal position of each column [unit], shape (nx,)."""
        nx = self.shape[1]
        return np.asarray((np.arange(nx) - (nx - 1) / 2) * self.pixel_size)

    @property
    def y_axis(self) -> NDArray[np.float64]:
        """Vertical position of each row [unit], shape (ny,), falling from row 0 on."""
        ny = self.shape[0]
        return np.asarray(((ny - 1) / 2 - np.arange(ny)) * self.pixel_size)

    @property
    def size(self) -> tuple[float, float]:
        """Height and width of the patch [unit]."""
        return self.shape[0] * self.pixel_size, self.shape[1] * self.pixel_size

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top edge of the patch [unit], as matplotlib's ``imshow`` takes them."""
        height, width = self.size
        return -width / 2, width / 2, -height / 2, height / 2

    @property
    def nyquist(self) -> float:
        """Highest spatial frequency that the grid can carry along one axis [cycles/unit]."""
        return 0.5 / self.pixel_size
