"""Any function of frames as cells, checked at every call."""

from collections.abc import Callable
from typing import Any, final

import numpy as np

from v1sim import _checks
from v1sim._types import Frames, Responses
from v1sim.cells._responder import check_frames
from v1sim.grid import Grid


@final
class CallableCells:
    """Cells that are a function of frames; `from_callable` makes them."""

    def __init__(self, function: Callable[[Frames], Any], n_units: int, grid: Grid, memory: int) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable, got {function!r}")
        self.function = function
        self.n_units = _checks.integer("n_units", n_units, minimum=1)
        self.grid = grid
        self.memory = _checks.integer("memory", memory, minimum=1)

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return what the function returns for frames (n_frames, ny, nx), shape (n_frames, n_units)."""
        check_frames(frames, self.grid)
        answer = _checks.real_array("the answer of function", self.function(frames))
        wanted = len(frames), self.n_units
        if answer.shape != wanted and not (answer.shape == wanted[:1] and self.n_units == 1):
            raise ValueError(f"function must return shape {wanted}, got {answer.shape}")
        answer = answer.reshape(wanted).astype(np.float32)
        bad = np.flatnonzero(~np.isfinite(answer).all(axis=0))
        if bad.size:
            raise ValueError(
                f"function must return finite responses, but those of units {bad.tolist()} are not"
            )
        return answer


def from_callable(
    function: Callable[[Frames], Any], n_units: int, *, grid: Grid, memory: int = 1
) -> CallableCells:
    """Return cells that answer with a function of frames.

    Parameters
    ----------
    function : callable
        Takes frames (n_frames, ny, nx), returns responses (n_frames, n_units); (n_frames,) for one unit.
    n_units : int
        Number of units.
    grid : Grid
        Positions of the pixels.
    memory : int, optional
        Number of frames that a response depends on, the one shown with it included.

    Returns
    -------
    CallableCells

    Raises
    ------
    TypeError, ValueError
        If the function is none; and on responding, if it returns another shape or anything not finite.

    Examples
    --------
    >>> mean = from_callable(lambda frames: frames.mean(axis=(1, 2)), 1, grid=Grid((2, 3)))
    >>> mean.respond(np.ones((2, 2, 3), np.float32)).tolist()
    [[1.0], [1.0]]
    """
    return CallableCells(function, n_units, grid, memory)
