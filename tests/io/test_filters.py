"""Filters are read from every format, and a hostile file is refused in one line without being run."""

import contextlib
import json
import pickle
import struct
import sys
import types
import zipfile

import numpy as np
import pytest
from scipy.io import savemat

from v1sim.io._filters import read_filters


@pytest.fixture
def kernels():
    return np.random.default_rng(2).normal(size=(6, 3, 5, 7)).astype(np.float32)


# -- what others would write --------------------------------------------------------------------------


def safetensors_bytes(tensors):
    """The format as its documentation gives it: length, JSON, numbers."""
    header, blob = {"__metadata__": {"format": "pt"}}, b""
    for name, (kind, array) in tensors.items():
        data = array.tobytes()
        header[name] = {
            "dtype": kind,
            "shape": list(array.shape),
            "data_offsets": [len(blob), len(blob) + len(data)],
        }
        blob += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + blob


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def block(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def number(field, value):
    return varint(field << 3) + varint(value)


def onnx_bytes(tensors, convolutions, *, packed=False, external=False):
    """A ModelProto with a Relu, Conv nodes and initializers."""
    graph = block(1, block(1, b"x") + block(2, b"y") + block(4, b"Relu"))
    for name in convolutions:
        graph += block(1, block(1, b"y") + block(1, name.encode()) + block(4, b"Conv"))
    for name, array in tensors.items():
        dims = (
            block(1, b"".join(map(varint, array.shape)))
            if packed
            else b"".join(number(1, n) for n in array.shape)
        )
        numbers = number(14, 1) if external else block(9, array.astype("<f4").tobytes())
        graph += block(5, dims + number(2, 1) + block(8, name.encode()) + numbers)
    return number(1, 8) + block(7, graph)


class FakeTensor:
    """Pickles as torch.save does, without torch."""

    def __init__(self, array, key):
        self.array, self.key = array, key

    def __reduce__(self):
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        strides = tuple(s // self.array.itemsize for s in self.array.strides)
        return rebuild, (Storage(self.key, self.array.size), 0, self.array.shape, strides, False, {})


class Storage:
    def __init__(self, key, size):
        self.key, self.size = key, size


class TorchPickler(pickle.Pickler):
    def persistent_id(self, thing):
        if isinstance(thing, Storage):
            return ("storage", sys.modules["torch"].FloatStorage, thing.key, "cpu", thing.size)
        return None


def write_torch(path, tensors, monkeypatch):
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    exec("class FloatStorage: pass", torch.__dict__)
    torch.FloatStorage.__module__ = "torch"
    exec("def _rebuild_tensor_v2(*a): raise AssertionError('called')", utils.__dict__)
    utils._rebuild_tensor_v2.__module__ = "torch._utils"
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    state = {name: FakeTensor(array, str(i)) for i, (name, array) in enumerate(tensors.items())}
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("model/data.pkl", "w") as stream:
            TorchPickler(stream, protocol=2).dump({"epoch": 3, "state_dict": state})
        for i, array in enumerate(tensors.values()):
            archive.writestr(f"model/data/{i}", array.astype("<f4").tobytes())


# -- every format -------------------------------------------------------------------------------------


def test_npy_and_npz_are_read_as_they_are(tmp_path, kernels):
    np.save(tmp_path / "a.npy", kernels)
    np.testing.assert_array_equal(read_filters(tmp_path / "a.npy").kernels, kernels)
    np.save(tmp_path / "b.npy", kernels[:, :1])
    assert read_filters(tmp_path / "b.npy").kernels.shape == (6, 5, 7)
    np.savez(tmp_path / "c.npz", bias=np.zeros(6), weight=kernels, other=kernels[:2])
    first = read_filters(tmp_path / "c.npz")
    assert first.layer == "weight"
    np.testing.assert_array_equal(first.kernels, kernels)
    assert read_filters(tmp_path / "c.npz", layer="other").kernels.shape == (2, 3, 5, 7)


def test_mat_counts_filters_by_its_last_axis(tmp_path, kernels):
    savemat(tmp_path / "a.mat", {"n": 3.0, "w": kernels.transpose(2, 3, 1, 0)}, do_compression=True)
    np.testing.assert_array_equal(read_filters(tmp_path / "a.mat").kernels, kernels)
    savemat(tmp_path / "b.mat", {"w": kernels[:, 0].transpose(1, 2, 0)})
    np.testing.assert_array_equal(read_filters(tmp_path / "b.mat").kernels, kernels[:, 0])


def test_csv_holds_a_filter_a_line(tmp_path, kernels):
    np.savetxt(tmp_path / "a.csv", kernels[:, 0].reshape(6, 35), delimiter=",", fmt="%.9g")
    read = read_filters(tmp_path / "a.csv", shape=(5, 7)).kernels
    np.testing.assert_allclose(read, kernels[:, 0], rtol=1e-7)
    with pytest.raises(ValueError, match=r"give shape=\(ny, nx\)"):
        read_filters(tmp_path / "a.csv")


def test_safetensors_gives_the_first_convolution_by_place(tmp_path, kernels):
    half = kernels.astype(np.float16)
    brain = (kernels.view("<u4") >> 16).astype("<u2")
    tensors = {
        "bias": ("F32", kernels[0, 0, 0]),
        "stem.weight": ("F16", half),
        "next": ("BF16", brain),
        "z": ("F32", kernels),
    }
    (tmp_path / "a.safetensors").write_bytes(safetensors_bytes(tensors))
    first = read_filters(tmp_path / "a.safetensors")
    assert first.layer == "stem.weight"
    np.testing.assert_array_equal(first.kernels, half)
    np.testing.assert_array_equal(read_filters(tmp_path / "a.safetensors", layer="z").kernels, kernels)
    upper = read_filters(tmp_path / "a.safetensors", layer="next").kernels
    np.testing.assert_allclose(upper, kernels, rtol=2**-7)  # bfloat16 keeps eight bits
    assert read_filters(tmp_path / "a.safetensors", layer="stem").layer == "stem.weight"


@pytest.mark.parametrize("packed", [False, True])
def test_onnx_gives_the_first_convolution_of_the_graph(tmp_path, kernels, packed):
    tensors = {"late": kernels[:2], "early": kernels, "bias": kernels[0, 0, 0]}
    (tmp_path / "a.onnx").write_bytes(onnx_bytes(tensors, ["early", "late"], packed=packed))
    first = read_filters(tmp_path / "a.onnx")
    assert first.layer == "early"
    np.testing.assert_array_equal(first.kernels, kernels)
    np.testing.assert_array_equal(read_filters(tmp_path / "a.onnx", layer="late").kernels, kernels[:2])


def test_pt_gives_the_first_convolution_without_calling_anything(tmp_path, kernels, monkeypatch):
    tensors = {
        "bn.weight": kernels[0, 0, 0].copy(),
        "conv1.weight": kernels,
        "conv2.weight": kernels[:2].copy(),
    }
    write_torch(tmp_path / "a.pt", tensors, monkeypatch)
    first = read_filters(tmp_path / "a.pt")
    assert first.layer == "state_dict.conv1.weight"
    np.testing.assert_array_equal(first.kernels, kernels)
    other = read_filters(tmp_path / "a.pt", layer="state_dict.conv2")
    np.testing.assert_array_equal(other.kernels, kernels[:2])


# -- hostile and hopeless files -----------------------------------------------------------------------


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('a payload was run')",)


def npy_header(text):
    padded = text + " " * (118 - len(text)) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode()


def hostile(tmp_path):
    """Files that must not be read, and the words that say why."""
    huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000, 1000), }"
    yield "huge.npy", npy_header(huge), "would take 8000000000000 bytes"
    yield "cut.npy", npy_header(huge.replace("1000000, 1000, 1000", "4, 5, 5")) + b"12345", "cannot read"
    yield "flat.npy", npy_header(huge.replace("1000000, 1000, 1000", "9,")), r"it holds an array \(9,\)"
    yield "text.npy", b"hello", "cannot read filters from text.npy"
    yield "empty.npy", b"", "cannot read filters"
    yield "none.npz", b"PK\x05\x06" + bytes(18), "no convolution"
    yield "text.npz", b"hello", "cannot read filters"
    yield "long.safetensors", struct.pack("<Q", 10**12) + b"{}", "header claims"
    yield "list.safetensors", struct.pack("<Q", 2) + b"[]", "not a table"
    lie = json.dumps({"w": {"dtype": "F32", "shape": [10**4] * 3, "data_offsets": [0, 4 * 10**12]}}).encode()
    yield "lie.safetensors", struct.pack("<Q", len(lie)) + lie, "does not agree"
    yield "text.onnx", b"hello", "cannot read filters"
    yield "plain.onnx", onnx_bytes({"w": np.zeros((2, 3), "<f4")}, []), "no convolution"
    away = onnx_bytes({"w": np.zeros((2, 1, 5, 5), "<f4")}, ["w"], external=True)
    yield "away.onnx", away, "in another file"
    yield "old.pt", pickle.dumps(Bomb()), "since version 1.6"
    yield "text.csv", b"a,b\nc,d\n", "cannot read filters"
    yield "hdf.mat", b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400), "up to version 7"
    yield "model.h5", b"", "path must end in one of"


def test_hostile_and_hopeless_files_are_refused_in_one_line(tmp_path):
    for name, content, words in hostile(tmp_path):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=words) as caught:
            read_filters(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_payloads_are_refused_and_not_run(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Bomb()], object), allow_pickle=True)
    with pytest.raises(ValueError, match="holds Python objects"):
        read_filters(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", w=np.array([Bomb()], object))
    with pytest.raises(ValueError, match="holds Python objects"):
        read_filters(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps({"w": Bomb()}, protocol=2))
    with pytest.raises(ValueError, match=r"wants to call \w+\.exec"):
        read_filters(tmp_path / "a.pt")


def test_a_zip_bomb_is_refused_by_its_header(tmp_path, kernels, monkeypatch):
    zeros = np.zeros((200, 100, 100))
    np.savez_compressed(tmp_path / "a.npz", w=zeros)
    assert (tmp_path / "a.npz").stat().st_size < 100_000
    with pytest.raises(ValueError, match="would take 16000000 bytes, above 1000000"):
        read_filters(tmp_path / "a.npz", max_bytes=10**6)
    write_torch(tmp_path / "a.pt", {"w": kernels}, monkeypatch)
    with pytest.raises(ValueError, match="above 100"):
        read_filters(tmp_path / "a.pt", max_bytes=100)


def test_a_layer_that_is_not_there_and_a_missing_file(tmp_path, kernels):
    np.savez(tmp_path / "a.npz", w=kernels)
    with pytest.raises(ValueError, match="layer 'v' is not in it; it holds w \\("):
        read_filters(tmp_path / "a.npz", layer="v")
    with pytest.raises(FileNotFoundError):
        read_filters(tmp_path / "b.npy")


# -- MATLAB: our own reader, against scipy's writer ----------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_every_numeric_class_of_matlab_is_read(tmp_path, rng, kind, packed):
    stack = rng.integers(0, 100, (6, 5, 4)).astype(kind)
    savemat(
        tmp_path / "a.mat", {"text": "words", "a_long_name": stack.transpose(1, 2, 0)}, do_compression=packed
    )
    found = read_filters(tmp_path / "a.mat")
    np.testing.assert_array_equal(found.kernels, stack)
    assert found.kernels.dtype == np.dtype(kind)
    assert found.layer == "a_long_name"


def test_matlab_files_from_big_endian_machines_and_with_small_integers_are_read(tmp_path):
    """By hand: doubles stored as uint8, as MATLAB does; name as a small element."""
    numbers = np.arange(24, dtype="u1")
    inner = struct.pack(">IIII", 6, 8, 6, 0) + struct.pack(">IIiii", 5, 12, 3, 4, 2) + bytes(4)
    inner += struct.pack(">HHBxxx", 1, 1, ord("w")) + struct.pack(">II", 2, 24) + numbers.tobytes()
    data = b"MATLAB 5.0".ljust(124) + struct.pack(">H2s", 0x100, b"MI")
    (tmp_path / "a.mat").write_bytes(data + struct.pack(">II", 14, len(inner)) + inner)
    found = read_filters(tmp_path / "a.mat", layer="w").kernels
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, numbers.reshape(2, 4, 3).transpose(0, 2, 1))


def test_a_matlab_file_that_swells_is_refused(tmp_path):
    savemat(tmp_path / "a.mat", {"w": np.zeros((64, 64, 64))}, do_compression=True)
    assert (tmp_path / "a.mat").stat().st_size < 10_000
    with pytest.raises(ValueError, match="would take more than"):
        read_filters(tmp_path / "a.mat", max_bytes=100_000)


@pytest.mark.parametrize("ending", ["npy", "npz", "mat", "csv", "safetensors", "onnx", "pt"])
def test_damaged_files_are_refused_without_a_crash(tmp_path, rng, kernels, monkeypatch, ending):
    """Cut short, or with bytes changed: either it is still readable, or one of the usual errors comes."""
    path = tmp_path / f"a.{ending}"
    write = {
        "npy": lambda: np.save(path, kernels),
        "npz": lambda: np.savez_compressed(path, w=kernels),
        "mat": lambda: savemat(path, {"w": kernels.transpose(2, 3, 1, 0)}, do_compression=False),
        "csv": lambda: np.savetxt(path, kernels[:, 0, :, :5].reshape(6, -1), delimiter=","),
        "safetensors": lambda: path.write_bytes(safetensors_bytes({"w": ("F32", kernels)})),
        "onnx": lambda: path.write_bytes(onnx_bytes({"w": kernels}, ["w"])),
        "pt": lambda: write_torch(path, {"w": kernels}, monkeypatch),
    }
    write[ending]()
    whole = path.read_bytes()
    for attempt in range(150):
        damaged = bytearray(whole)
        if attempt % 3 == 0:
            damaged = damaged[: rng.integers(len(damaged))]
        else:
            reach = len(damaged) if attempt % 3 == 1 else min(len(damaged), 400)
            damaged[rng.integers(reach)] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        with contextlib.suppress(ValueError, TypeError):
            read_filters(path, max_bytes=10**6)
