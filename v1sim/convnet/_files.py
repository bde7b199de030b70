"""Stacks on disk: the architecture as JSON text and the arrays of each layer, in one .npz without pickles."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._npz import read_npz, write_npz
from v1sim.convnet._channel_pooling import ChannelPool, NeighbourhoodPool
from v1sim.convnet._convolution import Conv2d, Dense, Flatten
from v1sim.convnet._detector import Detector
from v1sim.convnet._layer import Layer, Parameters
from v1sim.convnet._normalisation import BatchStandardization, DivisiveNormalization
from v1sim.convnet._pooling import Pool2d
from v1sim.convnet._unshared import TiledConv2d, UnsharedConv2d
from v1sim.io import read_weights

FilePath = str | PathLike[str]

_TEXT = "architecture"
_FORMAT = "v1sim stack 1"
_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        BatchStandardization,
        ChannelPool,
        Conv2d,
        Dense,
        Detector,
        DivisiveNormalization,
        Flatten,
        NeighbourhoodPool,
        Pool2d,
        TiledConv2d,
        UnsharedConv2d,
    )
}
_NAMES: dict[str, dict[str, str]] = {
    "Conv2d": {"weight": "kernel", "bias": "bias"},
    "Dense": {"weight": "weights", "bias": "bias"},
    "BatchStandardization": {
        "weight": "scale",
        "bias": "shift",
        "running_mean": "mean",
        "running_var": "variance",
    },
}
"""What the arrays of a layer are called in other people's files."""


def write_layers(path: FilePath, layers: Mapping[str, Layer], input_shape: tuple[int, ...] | None) -> None:
    """Write layers to an .npz, whole or not at all."""
    described: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    for name, layer in layers.items():
        own = _arrays(name, layer)
        described.append(_description(name, layer))
        arrays.update({f"{name}.{key}": value for key, value in own.items()})
    text = json.dumps({"format": _FORMAT, "input_shape": input_shape, "layers": described})
    write_npz(path, {_TEXT: np.array(text)} | arrays)


def read_layers(path: FilePath) -> tuple[list[tuple[str, Layer]], Any]:
    """Return the layers of an .npz by name, in order, and the shape of their input.

    Raises
    ------
    ValueError
        If it is no such file, is damaged, or a layer in it is not what a layer takes; the error names it.
    """
    arrays = read_npz(path, required=(_TEXT,))
    architecture = _architecture(path, arrays.pop(_TEXT))
    layers = []
    for entry in architecture["layers"]:
        name, kind, settings = _entry(path, entry)
        own = {key: arrays.pop(f"{name}.{key}", None) for key in entry["arrays"]}
        missing = [key for key, value in own.items() if value is None]
        if missing:
            raise ValueError(f"{path} lacks {', '.join(missing)} of layer {name!r}")
        try:
            layers.append((name, kind(**settings, **own)))
        except (TypeError, ValueError) as error:
            raise ValueError(f"layer {name!r} of {path}: {error}") from error
    if arrays:
        raise ValueError(f"{path} holds arrays that belong to no layer: {', '.join(arrays)}")
    return layers, architecture["input_shape"]


def layers_with_weights(
    layers: Mapping[str, Layer], path: FilePath, names: Mapping[str, str] | None
) -> list[tuple[str, Layer]]:
    """Return the layers with the arrays of a file: of `write_layers`, or of another program."""
    if Path(path).suffix.lower() == ".npz":
        if names is not None:
            raise ValueError(f"names are for files of other programs; those of {path} are the stack's own")
        stored = dict(read_layers(path)[0])
        _check_same(layers, stored, path)
        return list(stored.items())
    tensors = read_weights(Path(path))
    wanted = dict.fromkeys(layers) if names is None else dict(names)
    unknown = [name for name in wanted if name not in layers]
    if unknown:
        raise ValueError(f"names holds {', '.join(unknown)}; the stack has {', '.join(layers)}")
    return [
        (name, _imported(name, layer, wanted[name] or name, tensors, path) if name in wanted else layer)
        for name, layer in layers.items()
    ]


# -- layers as text and arrays ------------------------------------------------------------------------


def _arrays(name: str, layer: Layer) -> Parameters:
    if type(layer).__name__ not in _KINDS or not is_dataclass(layer):
        raise ValueError(f"layer {name!r}: {type(layer).__name__} has no form on disk")
    values = {field.name: getattr(layer, field.name) for field in fields(layer)}
    return {key: value for key, value in values.items() if isinstance(value, np.ndarray)}


def _description(name: str, layer: Layer) -> dict[str, Any]:
    """Return what JSON says of a layer: all fields that are not arrays, and the names of those that are."""
    arrays = _arrays(name, layer)
    names = [field.name for field in fields(layer)]  # type: ignore[arg-type]
    settings = {key: getattr(layer, key) for key in names if key not in arrays}
    described = {"name": name, "kind": type(layer).__name__, "settings": settings, "arrays": list(arrays)}
    return dict(json.loads(json.dumps(described)))


def _architecture(path: FilePath, text: NDArray[Any]) -> dict[str, Any]:
    """Return the architecture that a file tells, or raise if it is not one."""
    try:
        architecture = json.loads(str(text)) if text.dtype.kind == "U" and text.ndim == 0 else None
    except (ValueError, RecursionError):
        architecture = None
    told: dict[str, Any] = architecture if isinstance(architecture, dict) else {}
    known = told.get("format") == _FORMAT and isinstance(told.get("layers"), list)
    if not known or "input_shape" not in told:
        raise ValueError(f"{path} is not a stack of v1sim ({_FORMAT!r}): its architecture cannot be read")
    return told


def _entry(path: FilePath, entry: Any) -> tuple[str, Any, dict[str, Any]]:
    """Return name, kind and settings of a layer in a file, or raise if they are not such."""
    wanted = {"name": str, "kind": str, "settings": dict, "arrays": list}
    if not isinstance(entry, dict) or any(not isinstance(entry.get(k), t) for k, t in wanted.items()):
        raise ValueError(f"{path} holds a layer that is not described as one: {entry!r:.80}")
    if entry["kind"] not in _KINDS:
        raise ValueError(f"layer {entry['name']!r} of {path} is a {entry['kind']!r:.40}, which is not known")
    taken = {field.name for field in fields(_KINDS[entry["kind"]])}
    strange = [str(key) for key in (*entry["settings"], *entry["arrays"]) if str(key) not in taken]
    if strange:
        raise ValueError(
            f"layer {entry['name']!r} of {path} has settings that a layer does not take: {strange}"
        )
    return entry["name"], _KINDS[entry["kind"]], entry["settings"]


def _check_same(layers: Mapping[str, Layer], stored: Mapping[str, Layer], path: FilePath) -> None:
    """Raise at the first layer that a file has otherwise."""
    for place, (name, layer) in enumerate(layers.items()):
        others = list(stored.items())[place : place + 1]
        here = _told(name, layer)
        there = _told(*others[0]) if others else "no layer"
        if here != there:
            raise ValueError(f"layer {name!r} differs: the stack has {here}, {path} has {there}")
    for name in list(stored)[len(layers) :]:
        raise ValueError(f"layer {name!r} of {path} is one more than the stack has")


def _told(name: str, layer: Layer) -> str:
    """Return name, kind, settings and shapes of a layer in words."""
    settings = ", ".join(f"{key}={value}" for key, value in _description(name, layer)["settings"].items())
    shapes = ", ".join(f"{key} {value.shape}" for key, value in _arrays(name, layer).items())
    return f"{name!r}: {type(layer).__name__}({'; '.join(part for part in (settings, shapes) if part)})"


def _imported(
    name: str, layer: Layer, prefix: str, tensors: Mapping[str, NDArray[Any]], path: FilePath
) -> Layer:
    """Return a layer with the tensors "prefix.weight", "prefix.bias" of another program's file."""
    if not layer.parameters():
        return layer
    kind = type(layer).__name__
    if kind not in _NAMES or getattr(layer, "flip", False):
        raise ValueError(
            f"layer {name!r}: weights of other programs are taken by {', '.join(_NAMES)}, unflipped"
        )
    known = _NAMES[kind]
    found = {own: tensors[f"{prefix}.{k}"] for k, own in known.items() if f"{prefix}.{k}" in tensors}
    held = _arrays(name, layer)
    missing = [f"{prefix}.{k}" for k, own in known.items() if own in held and own not in found]
    if missing:
        some = ", ".join(list(tensors)[:8]) or "nothing"
        raise ValueError(f"layer {name!r}: {path} has no {', '.join(missing)}; it holds {some}")
    for own, value in found.items():
        if own in held and held[own].shape != value.shape:
            raise ValueError(
                f"layer {name!r} differs: its {own} has shape {held[own].shape}, that of {path} {value.shape}"
            )
    if "bias" in found and "bias" not in held:
        raise ValueError(f"layer {name!r} has no bias, but {path} has one for it")
    try:
        return replace(layer, **found)  # type: ignore[type-var]
    except (TypeError, ValueError) as error:
        raise ValueError(f"layer {name!r} of {path}: {error}") from error
