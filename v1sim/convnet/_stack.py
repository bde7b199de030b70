"""A stack: named layers, one after the other, checked before anything runs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self, final

from numpy.typing import NDArray

from v1sim import _checks
from v1sim.convnet._files import FilePath, layers_with_weights, read_layers, write_layers
from v1sim.convnet._layer import Layer, Maps, Parameters, Pullback, Reach, Shape, checks_gradient


@final
class Stack:
    """Layers one after the other: convolution, detector, pooling, and again.

    Parameters
    ----------
    layers : sequence of Layer, or of (name, Layer)
        The layers, in the order of computation. A layer without a name is called after its kind and its
        number among those: "conv1", "relu1", "pool1", "conv2".
    input_shape : tuple of int, optional
        Shape of a picture, (channel, row, column). With it all shapes are checked at once; without it the
        numbers of channels, as far as the layers tell them.

    Attributes
    ----------
    layers : dict of str to Layer
        The layers by name, in order.
    input_shape : tuple of int or None
        As given.

    Raises
    ------
    TypeError, ValueError
        If there is no layer, a name is taken twice or has a dot, or a layer does not fit the one before it;
        the error names the layer.

    Examples
    --------
    >>> import numpy as np
    >>> from v1sim.convnet import Conv2d, Detector, Pool2d
    >>> kernel = np.random.default_rng(0).standard_normal((6, 1, 5, 5))
    >>> net = Stack([Conv2d(kernel), Detector("relu"), Pool2d("l2", 2)], input_shape=(1, 16, 20))
    >>> list(net.layers), net.output_shape((1, 16, 20))
    (['conv1', 'relu1', 'pool1'], (6, 6, 8))
    >>> y, pullback = net.forward(np.ones((3, 1, 16, 20)))
    >>> dx, gradients = pullback(np.ones_like(y))
    >>> dx.shape, list(gradients)
    ((3, 1, 16, 20), ['conv1.kernel'])
    """

    label = "stack"

    def __init__(
        self, layers: Sequence[Layer | tuple[str, Layer]], *, input_shape: Shape | None = None
    ) -> None:
        self.layers = _named(layers)
        self.input_shape = None if input_shape is None else _shape3d(input_shape)
        if self.input_shape is None:
            self.output_channels(None)
        else:
            self.output_shape(self.input_shape)

    @checks_gradient
    def forward(self, x: Maps) -> tuple[Maps, Pullback]:
        """Return the output of the last layer, and the pullback of all of them.

        Parameters
        ----------
        x : ndarray, shape (n, channel, row, column)
            Pictures, float32 or float64; all that follows has the same dtype.

        Returns
        -------
        y : ndarray, shape (n, channel, row, column)
            The output.
        pullback : callable
            From dy to (dx, gradients), the latter by the names of `parameters`.
        """
        way_back: list[tuple[str, Pullback]] = []
        for name, layer in self.layers.items():
            with _naming(name, layer):
                x, pullback = layer.forward(x)
            way_back.append((name, pullback))

        def pull_back(dy: Maps) -> tuple[Maps, Parameters]:
            gradients: Parameters = {}
            for name, pullback in reversed(way_back):
                dy, own = pullback(dy)
                gradients = {f"{name}.{key}": value for key, value in own.items()} | gradients
            return dy, gradients

        return x, pull_back

    def activations(self, x: Maps) -> dict[str, Maps]:
        """Return the output of every layer by its name."""
        outputs = {}
        for name, layer in self.layers.items():
            with _naming(name, layer):
                x, _ = layer.forward(x)
            outputs[name] = x
        return outputs

    def parameters(self) -> Parameters:
        """Return all parameters as "layer.parameter"."""
        return {
            f"{name}.{key}": value
            for name, layer in self.layers.items()
            for key, value in layer.parameters().items()
        }

    def with_parameters(self, parameters: Mapping[str, NDArray[Any]]) -> Self:
        """Return the stack with some or all parameters replaced.

        Raises
        ------
        ValueError
            If a name is not among `parameters`, or a shape makes the layers disagree.
        """
        if not isinstance(parameters, Mapping) or not all(isinstance(path, str) for path in parameters):
            raise TypeError(f"parameters must be arrays by name, got {parameters!r:.80}")
        own: dict[str, dict[str, NDArray[Any]]] = {name: {} for name in self.layers}
        for path, value in parameters.items():
            name, _, key = path.partition(".")
            if name not in own:
                raise ValueError(f"the stack has no layer {name!r} for {path!r}; it has {', '.join(own)}")
            own[name][key] = value
        layers = []
        for name, layer in self.layers.items():
            with _naming(name, layer):
                layers.append((name, layer.with_parameters(own[name]) if own[name] else layer))
        return type(self)(layers, input_shape=self.input_shape)

    def output_channels(self, channels: int | None) -> int | None:
        """Return the number of output channels, None where unknown, or raise with the layer's name."""
        for name, layer in self.layers.items():
            with _naming(name, layer):
                channels = layer.output_channels(channels)
        return channels

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output for a picture of a shape, or raise with the layer's name."""
        return list(self.shapes(input_shape).values())[-1]

    def shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes (channel, row, column) of all outputs, by the layers' names."""
        shapes, input_shape = {}, _shape3d(input_shape)
        for name, layer in self.layers.items():
            with _naming(name, layer):
                shapes[name] = input_shape = layer.output_shape(input_shape)
        return shapes

    def reach(self, input_shape: Shape | None) -> Reach:
        """Return what an output of the last layer sees."""
        return self._reaches(input_shape, list(self.layers)[-1])

    def receptive_field(self, layer: str) -> Reach:
        """Return the pixels that a unit of a layer sees.

        Parameters
        ----------
        layer : str
            Its name.

        Returns
        -------
        Reach
            Unit (j, k) sees `size` pixels (rows, columns) from (j, k) * `stride` + `offset` on. Where windows
            are padded, `offset` is negative and units at the edge see fewer.

        Raises
        ------
        ValueError
            If there is no such layer, or a layer sees its whole input and the stack has no `input_shape`.
        """
        if layer not in list(self.layers):
            raise ValueError(f"layer must be one of {', '.join(self.layers)}, got {layer!r}")
        return self._reaches(self.input_shape, layer)

    def summary(self) -> str:
        """Return a table of the layers: name, kind, output (channel x row x column), number of parameters."""
        shapes = {} if self.input_shape is None else self.shapes(self.input_shape)
        rows = [("layer", "kind", "output", "parameters")]
        for name, layer in self.layers.items():
            shape = " x ".join(map(str, shapes[name])) if shapes else "?"
            n_parameters = sum(value.size for value in layer.parameters().values())
            rows.append((name, type(layer).__name__, shape, f"{n_parameters:,}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        total = sum(value.size for value in self.parameters().values())
        return "\n".join([*lines, f"{total:,} parameters"])

    def save(self, path: FilePath) -> None:
        """Write the stack to an .npz: its architecture as text, its arrays, no pickles.

        Raises
        ------
        ValueError
            If a layer is of a kind that has no form on disk.
        OSError
            If the file cannot be written.
        """
        write_layers(path, self.layers, self.input_shape)

    @classmethod
    def load(cls, path: FilePath) -> Self:
        """Return the stack of an .npz that `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is damaged or no stack; the error names the layer.
        """
        layers, input_shape = read_layers(path)
        return cls(layers, input_shape=input_shape)

    def with_weights(self, path: FilePath, *, names: Mapping[str, str] | None = None) -> Self:
        """Return the stack with the weights of a file.

        Parameters
        ----------
        path : path
            An .npz of `save`, of a stack with the same layers; or .safetensors, .onnx, .pt or .pth, whose
            tensors have the axes of torch.
        names : dict of str to str, optional
            For files of other programs: which of the layers take weights, and the name of each there, for
            example ``{"conv1": "features.0"}`` for "features.0.weight" and "features.0.bias". Unless told,
            every layer with parameters takes those of its own name.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or of another architecture; the error names the first layer that differs.
        """
        return type(self)(layers_with_weights(self.layers, path, names), input_shape=self.input_shape)

    def _reaches(self, input_shape: Shape | None, last: str) -> Reach:
        """Return what a unit of the layer `last` sees of the stack's input."""
        seen = Reach()
        for name, layer in self.layers.items():
            with _naming(name, layer):
                seen = _through(seen, layer.reach(input_shape))
                input_shape = None if input_shape is None else layer.output_shape(input_shape)
            if name == last:
                break
        return seen


def _through(seen: Reach, own: Reach) -> Reach:
    """Return what a window sees whose inputs each see `seen`."""
    size, stride, offset = zip(
        *(
            (seen.size[i] + (own.size[i] - 1) * s, s * own.stride[i], seen.offset[i] + own.offset[i] * s)
            for i, s in enumerate(seen.stride)
        ),
        strict=True,
    )
    return Reach(size, stride, offset)


def _named(layers: Sequence[Layer | tuple[str, Layer]]) -> dict[str, Layer]:
    """Return layers by name; those without one are numbered within their kind."""
    if not isinstance(layers, Iterable):
        raise TypeError(f"layers must be a list of layers or (name, layer), got {type(layers).__name__}")
    named: dict[str, Layer] = {}
    counts: Counter[str] = Counter()
    for place, entry in enumerate(layers):
        name, layer = entry if isinstance(entry, tuple) and len(entry) == 2 else (None, entry)
        if isinstance(layer, type) or not isinstance(layer, Layer):
            raise TypeError(f"layers[{place}] must be a layer or (name, layer), got {entry!r}")
        counts[layer.label] += 1
        key = f"{layer.label}{counts[layer.label]}" if name is None else name
        if not isinstance(key, str) or not key or "." in key or key in named:
            raise ValueError(f"layers[{place}] must have a name of its own without dots, got {key!r}")
        named[key] = layer
    if not named:
        raise ValueError("layers must hold at least one layer")
    return named


@contextmanager
def _naming(name: str, layer: Layer) -> Iterator[None]:
    """Say in which layer an error arose."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise type(error)(f"layer {name!r} ({type(layer).__name__}): {error}") from error


def _shape3d(value: object) -> Shape:
    if not isinstance(value, tuple | list) or len(value) != 3:
        raise ValueError(f"input_shape must be (channel, row, column), got {value!r}")
    channel, row, column = (_checks.integer(f"input_shape[{i}]", v, minimum=1) for i, v in enumerate(value))
    return channel, row, column
