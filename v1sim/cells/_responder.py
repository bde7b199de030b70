"""What cells ask of the cells that they listen to."""

from typing import Protocol

from v1sim._types import Responder
from v1sim.grid import Grid


class Cells(Responder, Protocol):
    """A responder that knows the grid of its frames."""

    @property
    def grid(self) -> Grid:
        """Positions of the pixels."""
