"""A tensor in a file: its name and size are known, its numbers are read when asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LazyTensor:
    """Name, shape, bytes an element and loader of a tensor; a `flattened` one has a filter a row."""

    name: str
    shape: tuple[int, ...]
    item_bytes: int
    load: Callable[[], NDArray[Any]]
    flattened: bool = False

    @property
    def n_bytes(self) -> int:
        """Memory that the tensor takes, exactly, however large a header claims it to be."""
        return prod(int(side) for side in self.shape) * self.item_bytes

    def is_filters(self, smallest: int) -> bool:
        """Whether it can be filters: flattened, or of two to four axes, the last two at least `smallest`."""
        if self.flattened:
            return len(self.shape) == 2 and self.shape[1] >= smallest**2
        return 2 <= len(self.shape) <= 4 and min(self.shape[-2:]) >= smallest and min(self.shape) > 0
