"""Where the files are that come with the package."""

from importlib import resources
from importlib.resources.abc import Traversable


def shipped(folder: str) -> Traversable:
    """Return a folder of data: inside an installed package, beside it in a source tree.

    Parameters
    ----------
    folder : str
        ``"published"`` or ``"learned"``.
    """
    package = resources.files("v1sim")
    installed = package / "data" / folder
    if installed.is_dir():
        return installed
    with resources.as_file(package) as source:
        return source.parent / "data" / folder
