"""Where training stands after an epoch, and that on disk: written whole or not at all, without pickles."""

import hashlib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._npz import read_npz, write_npz
from v1sim.convnet._layer import Parameters
from v1sim.convnet._optimisers import State

_GROUPS = ("parameters", "optimiser", "best")


@dataclass(frozen=True, eq=False)
class TrainingState:
    """The state between two epochs.

    Attributes
    ----------
    epoch : int
        Number of epochs behind it.
    parameters : dict of str to ndarray
        The parameters.
    optimiser : dict of str to ndarray
        What the optimiser remembers.
    losses, held_out_losses : tuple of float
        One an epoch; the latter none without data held out.
    best : dict of str to ndarray
        Parameters of the epoch with the lowest held-out loss; the latest without data held out.
    """

    epoch: int
    parameters: Parameters
    optimiser: State
    losses: tuple[float, ...]
    held_out_losses: tuple[float, ...]
    best: Parameters

    @property
    def best_epoch(self) -> int:
        """The epoch of `best`, counted from 0; -1 before the first."""
        return int(np.argmin(self.held_out_losses)) if self.held_out_losses else self.epoch - 1


def digest(*parts: object) -> str:
    """Return a SHA-256 of arrays, dataclasses, containers of them and whatever has a repr."""
    sha = hashlib.sha256()
    for part in parts:
        _feed(sha, part)
    return sha.hexdigest()


def save_state(path: Path, state: TrainingState, fingerprint: str) -> None:
    """Write the state beside the file and put it in its place."""
    arrays: dict[str, NDArray[Any]] = {
        f"{group}.{name}": array for group in _GROUPS for name, array in getattr(state, group).items()
    }
    arrays |= {
        "fingerprint": np.array(fingerprint),
        "epoch": np.array(state.epoch),
        "losses": np.array(state.losses, np.float64),
        "held_out_losses": np.array(state.held_out_losses, np.float64),
    }
    write_npz(path, arrays)


def load_state(path: Path, fingerprint: str) -> TrainingState:
    """Return the state of a file.

    Raises
    ------
    ValueError
        If the file is damaged, or belongs to another run.
    """
    arrays = read_npz(path, required=("fingerprint", "epoch", "losses", "held_out_losses"))
    if str(arrays["fingerprint"]) != fingerprint:
        raise ValueError(
            f"checkpoint {path} belongs to another training (other data, stack, objective, optimiser, "
            "seed or batch size): remove it, or choose another path"
        )
    groups: dict[str, dict[str, NDArray[Any]]] = {group: {} for group in _GROUPS}
    for key, array in arrays.items():
        group, _, name = key.partition(".")
        if name:
            groups.setdefault(group, {})[name] = array
    if set(groups) != set(_GROUPS) or groups["parameters"].keys() != groups["best"].keys():
        raise ValueError(f"checkpoint {path} is damaged: its arrays are not those of a training")
    return TrainingState(
        epoch=int(arrays["epoch"]),
        losses=tuple(np.asarray(arrays["losses"], np.float64).tolist()),
        held_out_losses=tuple(np.asarray(arrays["held_out_losses"], np.float64).tolist()),
        **groups,
    )


def _feed(sha: Any, part: object) -> None:
    """Add one thing to a digest: its kind, then all that it is made of."""
    sha.update(f"<{type(part).__name__}>".encode())
    if isinstance(part, np.ndarray):
        sha.update(f"{part.shape} {part.dtype}".encode())
        sha.update(np.ascontiguousarray(part).data)
    elif is_dataclass(part):
        for field in fields(part):
            _feed(sha, getattr(part, field.name))
    elif isinstance(part, dict):
        for key, value in part.items():
            sha.update(f"{key}:".encode())
            _feed(sha, value)
    elif isinstance(part, tuple | list):
        for item in part:
            _feed(sha, item)
    else:
        sha.update(repr(part).encode())
