"""Data that come with the package: published numbers, filters of others, weights learned by ours."""

from importlib import resources
from importlib.resources.abc import Traversable

from v1sim import _checks
from v1sim.io._filters import Filters, read_filters

FILTERS = {"sporco": "sporco_convdict_12x12x64.npy", "resnet": "resnet50thin_conv1_64x3x7x7.npy"}


def shipped_folder(name: str) -> Traversable:
    """Return a folder of data: inside an installed package, beside it in a source tree."""
    package = resources.files("v1sim")
    installed = package / "data" / name
    if installed.is_dir():
        return installed
    with resources.as_file(package) as source:
        return source.parent / "data" / name


def read_shipped_filters(name: str) -> Filters:
    """Read filters that others trained and that come with the package under their licences (data/filters).

    Parameters
    ----------
    name : {"sporco", "resnet"}
        ``"sporco"``: a convolutional sparse-coding dictionary, (64, 12, 12). ``"resnet"``: the first layer
        of a ResNet-50 trained on ImageNet, (64, 3, 7, 7), channels blue, green, red.

    Returns
    -------
    Filters

    Raises
    ------
    ValueError
        If there is no such set.

    Examples
    --------
    >>> read_shipped_filters("resnet").kernels.shape
    (64, 3, 7, 7)
    """
    _checks.choice("name", name, tuple(FILTERS))
    with resources.as_file(shipped_folder("filters") / FILTERS[name]) as file:
        return read_filters(file)
