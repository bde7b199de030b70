"""Tensors of a .pt file without running it: the opcodes of its pickle are read, never executed.

``torch.save`` writes a zip archive with a pickle of the structure and one member of raw numbers for each
storage. A state dict needs only dictionaries, tuples and one way of naming a tensor; a small stack machine
that knows these and refuses every other callable can therefore neither import nor call anything.
"""

import pickletools
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim.io._tensors import LazyTensor

_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
}
_REBUILD = ("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = ("torch._utils", "_rebuild_parameter")
_DICT = ("collections", "OrderedDict")
_MAX_PICKLE = 2**26
_MARK = object()


@dataclass(frozen=True)
class _Name:
    """A global that the pickle asks for; it is compared, never looked up."""

    module: str
    name: str


@dataclass(frozen=True)
class _Storage:
    dtype: str
    key: str


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def torch_tensors(file: Path, limit: int) -> Iterable[LazyTensor]:
    """Yield the tensors of a state dict (or of a checkpoint that holds one) in their order."""
    if not zipfile.is_zipfile(file):
        raise ValueError("only files of torch.save since version 1.6 are read; save the state dict again")
    with zipfile.ZipFile(file) as archive:
        pickles = [info for info in archive.infolist() if info.filename.endswith("data.pkl")]
        if len(pickles) != 1:
            raise ValueError("it is not a file of torch.save")
        if pickles[0].file_size > _MAX_PICKLE:
            raise ValueError(f"its structure claims {pickles[0].file_size} bytes, above {_MAX_PICKLE}")
        structure = _structure(archive.read(pickles[0]))
        root = pickles[0].filename.removesuffix("data.pkl")
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    for name, tensor in _named(structure, ""):
        dtype = np.dtype(tensor.storage.dtype)
        member = f"{root}data/{tensor.storage.key}"
        reach = (
            tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True)) + 1
        )
        if min(tensor.shape, default=1) > 0 and reach * dtype.itemsize > sizes.get(member, 0):
            raise ValueError(f"{name} reaches beyond its storage")

        def load(tensor: _Tensor = tensor, member: str = member, dtype: Any = dtype) -> NDArray[Any]:
            if sizes[member] > limit:
                raise ValueError(f"a storage of {sizes[member]} bytes is above {limit}")
            with zipfile.ZipFile(file) as archive:
                numbers = np.frombuffer(archive.read(member), dtype)[tensor.offset :]
            steps = [stride * dtype.itemsize for stride in tensor.strides]
            return np.lib.stride_tricks.as_strided(numbers, tensor.shape, steps, writeable=False).copy()

        yield LazyTensor(name, tensor.shape, dtype.itemsize, load)


def _named(value: Any, prefix: str) -> Iterable[tuple[str, _Tensor]]:
    """Yield tensors with dotted names; keys of nested dictionaries are joined."""
    if isinstance(value, _Tensor):
        yield prefix, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _named(inner, f"{prefix}.{key}" if prefix else str(key))


def _structure(data: bytes) -> Any:
    """Return the dictionaries and tensors that a pickle describes; anything else is refused."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    argument: Any
    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if name == "STOP":
            return stack.pop()
        if name in ("PROTO", "FRAME"):
            continue
        if name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if argument is None else argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in _LITERALS:
            stack.append(argument)
        elif name == "GLOBAL":
            stack.append(_Name(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            last, module = stack.pop(), stack.pop()
            stack.append(_Name(str(module), str(last)))
        elif name == "TUPLE":
            stack.append(tuple(_since_mark(stack)))
        elif name in _TUPLES:
            count = _TUPLES[name]
            stack[-count:] = [tuple(stack[-count:])]
        elif name in ("SETITEMS", "SETITEM"):
            pairs = _since_mark(stack) if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            stack[-1].update(zip(pairs[::2], pairs[1::2], strict=True))
        elif name in ("APPENDS", "APPEND"):
            stack[-1].extend(_since_mark(stack) if name == "APPENDS" else [stack.pop()])
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name == "REDUCE":
            arguments, callee = stack.pop(), stack.pop()
            stack.append(_reduced(callee, arguments))
        elif name == "BUILD":
            stack.pop()  # attributes of a dictionary, such as _metadata: not needed
        else:
            raise ValueError(f"its structure uses {name}, which a state dict does not need")
    raise ValueError("its structure has no end")


_CONSTANTS: dict[str, Any] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
}
_LITERALS = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BININT", "BININT1", "BININT2", "LONG1"}
_LITERALS |= {"BINFLOAT"}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def _since_mark(stack: list[Any]) -> list[Any]:
    at = max(i for i, value in enumerate(stack) if value is _MARK)
    items = stack[at + 1 :]
    del stack[at:]
    return items


def _storage(identity: Any) -> _Storage:
    """Return the storage named by ("storage", type, key, device, size)."""
    kind, cls, key = identity[:3]
    if kind != "storage" or not isinstance(cls, _Name) or cls.module != "torch" or cls.name not in _STORAGES:
        raise ValueError(f"its structure names a storage of unknown kind: {cls}")
    return _Storage(_STORAGES[cls.name], str(key))


def _reduced(callee: Any, arguments: Any) -> Any:
    """Return what the three callables of a state dict give; every other one is refused."""
    known = (callee.module, callee.name) if isinstance(callee, _Name) else None
    if known == _DICT and not arguments:
        return {}
    if known == _REBUILD:
        storage, offset, shape, strides = arguments[:4]
        if not isinstance(storage, _Storage) or min((offset, *shape, *strides), default=0) < 0:
            raise ValueError("a tensor is not described as one")
        return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))
    if known == _PARAMETER:
        return arguments[0]
    what = f"{callee.module}.{callee.name}" if isinstance(callee, _Name) else type(callee).__name__
    raise ValueError(f"it wants to call {what}, which is never done; save the state dict alone")
