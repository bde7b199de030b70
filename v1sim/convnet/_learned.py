"""Stacks that come with the package, trained on pictures by its own command."""

from importlib import resources

from v1sim import _checks
from v1sim.convnet._stack import Stack
from v1sim.io import shipped_folder


def load_learned(name: str) -> Stack:
    """Return a trained stack; data/learned/README.md tells how each was made, and what it is shown.

    Parameters
    ----------
    name : {"coherent", "sparse"}
        "coherent": 32 pairs of filters on 16 x 16 patches of contrast, pooled into complex cells. "sparse":
        64 atoms of a sparse code of 12 x 12 patches of whitened pictures.

    Raises
    ------
    ValueError
        If there is no such stack.

    Examples
    --------
    >>> print(load_learned("coherent").summary())
    layer    kind         output        parameters
    simple   Conv2d       64 x 1 x 1    16,384
    complex  ChannelPool  32 x 1 x 1    0
    16,384 parameters
    """
    files = {file.name.removesuffix(".npz"): file for file in shipped_folder("learned").iterdir()}
    files = {stem: file for stem, file in files.items() if file.name.endswith(".npz")}
    with resources.as_file(files[_checks.choice("name", name, tuple(sorted(files)))]) as path:
        return Stack.load(path)
