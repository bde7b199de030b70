"""Units of a layer of a PyTorch module as cells; needs the extra `torch`."""

from threading import Lock
from typing import Any, final

import numpy as np

from v1sim import _checks
from v1sim._types import Frames, Responses
from v1sim.cells._responder import check_frames
from v1sim.grid import Grid

_ONE_AT_A_TIME = Lock()
"""A hook belongs to the module: two threads at once would catch each other's activations."""


@final
class TorchCells:
    """Cells that are the units of a layer; `from_torch` makes them."""

    memory = 1

    def __init__(self, module: Any, layer: str, grid: Grid, batch_size: int) -> None:
        if not hasattr(module, "named_modules"):
            raise TypeError(f"module must be a torch.nn.Module, got {type(module).__name__}")
        names = [name for name, _ in module.named_modules() if name]
        self.layer = _checks.choice("layer", layer, tuple(names))
        self.module = module.eval()
        self.grid = grid
        self.batch_size = _checks.integer("batch_size", batch_size, minimum=1)
        self.n_units = self._activations(np.zeros((1, *grid.shape), np.float32)).shape[1]

    def respond(self, frames: Frames, *, start: int = 0) -> Responses:
        """Return the activations for frames (n_frames, ny, nx), shape (n_frames, n_units)."""
        check_frames(frames, self.grid)
        cuts = range(0, len(frames), self.batch_size)
        parts = [self._activations(frames[first : first + self.batch_size]) for first in cuts]
        return np.concatenate(parts) if parts else np.zeros((0, self.n_units), np.float32)

    def _activations(self, frames: Frames) -> Responses:
        import torch  # takes seconds, and belongs to an extra

        caught: list[Any] = []
        target = self.module.get_submodule(self.layer)
        with _ONE_AT_A_TIME, torch.no_grad():
            hook = target.register_forward_hook(lambda _module, _inputs, output: caught.append(output))
            try:
                self.module(torch.from_numpy(np.ascontiguousarray(frames))[:, None])
            finally:
                hook.remove()
        if len(caught) != 1:
            raise ValueError(f"layer {self.layer!r} must run once a pass, but it ran {len(caught)} times")
        return np.asarray(caught[0].reshape(len(frames), -1).cpu().numpy(), np.float32)


def from_torch(module: Any, layer: str, *, grid: Grid, batch_size: int = 256) -> TorchCells:
    """Return cells that are the units of a layer, all channels and positions of it.

    Parameters
    ----------
    module : torch.nn.Module
        Takes frames as (batch, 1, ny, nx) on the CPU; is put into evaluation mode.
    layer : str
        Name of a submodule, as in ``module.named_modules()``.
    grid : Grid
        Positions of the pixels.
    batch_size : int, optional
        Number of frames in a pass.

    Returns
    -------
    TorchCells

    Raises
    ------
    ModuleNotFoundError
        If PyTorch is not installed.
    TypeError, ValueError
        If `module` is none, there is no such layer, or it does not run once a pass.
    """
    return TorchCells(module, layer, grid, batch_size)
