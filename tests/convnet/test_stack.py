"""Stacks: names, shapes told before anything runs, the chain rule, receptive fields, files."""

import io
import json
import struct
import zipfile
from contextlib import suppress

import numpy as np
import pytest

from v1sim import convnet

DRAW = np.random.default_rng(11)


def normal(*shape):
    return DRAW.standard_normal(shape)


def network(**changes):
    layers = {
        "conv1": convnet.Conv2d(normal(4, 2, 3, 2), normal(4), stride=(1, 2), padding="same"),
        "square1": convnet.Detector("square"),
        "pool1": convnet.ChannelPool("l2", 2),
        "conv2": convnet.TiledConv2d(normal(2, 2, 2, 2, 2, 2), padding=((1, 0), (0, 1))),
        "pool2": convnet.Pool2d("mean", (2, 3), stride=(3, 1)),
        "norm1": convnet.DivisiveNormalization(np.ones(2)),
        "standard1": convnet.BatchStandardization(np.ones(2), np.zeros(2), np.zeros(2), np.ones(2)),
        "conv3": convnet.UnsharedConv2d(normal(3, 2, 2, 2, 1, 2)),
        "neighbours": convnet.NeighbourhoodPool("l2", np.eye(3) + 0.5),
        "flatten1": convnet.Flatten(),
        "dense1": convnet.Dense(normal(5, 12), normal(5)),
    }
    return convnet.Stack(list((layers | changes).items()), input_shape=(2, 7, 9))


@pytest.fixture
def x(rng):
    return rng.standard_normal((3, 2, 7, 9))


# -- names and shapes ---------------------------------------------------------------------------------


def test_layers_without_names_are_numbered_within_their_kind():
    conv = convnet.Conv2d(normal(2, 2, 3, 3))
    relu, pool = convnet.Detector("relu"), convnet.Pool2d("max", 2)
    stack = convnet.Stack([conv, relu, pool, ("mine", conv), convnet.Detector("tanh"), conv, relu])
    assert list(stack.layers) == ["conv1", "relu1", "pool1", "mine", "tanh1", "conv3", "relu2"]


def test_shapes_are_known_before_anything_runs(x):
    stack = network()
    shapes = stack.shapes((2, 7, 9))
    assert shapes["conv1"] == (4, 7, 5)
    assert shapes["dense1"] == (5, 1, 1) == stack.output_shape((2, 7, 9))
    assert {name: y.shape[1:] for name, y in stack.activations(x).items()} == shapes


MISFITS = [
    ({"conv2": convnet.Conv2d(normal(2, 3, 2, 2))}, r"layer 'conv2' \(Conv2d\): .*3 channels.*has 2"),
    ({"pool1": convnet.ChannelPool("l2", 3)}, r"layer 'pool1' \(ChannelPool\): 4 channels.*groups of 3"),
    ({"pool2": convnet.Pool2d("max", 20)}, r"layer 'pool2' \(Pool2d\): .*20 x 20 .* larger"),
    ({"dense1": convnet.Dense(normal(5, 7))}, r"layer 'dense1' \(Dense\): .*7 values"),
]


@pytest.mark.parametrize(("changes", "message"), MISFITS)
def test_a_layer_that_does_not_fit_is_named_at_construction(changes, message):
    with pytest.raises(ValueError, match=message):
        network(**changes)


def test_channels_are_checked_even_where_the_size_of_pictures_is_open():
    with pytest.raises(ValueError, match=r"layer 'conv2'.*takes 3 channels, but the input has 4"):
        convnet.Stack([convnet.Conv2d(normal(4, 1, 3, 3)), convnet.Conv2d(normal(2, 3, 2, 2))])


def test_an_input_that_does_not_fit_is_refused_by_the_layer_that_it_does_not_fit(x):
    with pytest.raises(ValueError, match=r"layer 'conv1'.*takes 2 channels, but the input has 1"):
        network().forward(x[:, :1])
    with pytest.raises(TypeError, match=r"layer 'conv1'.*int64"):
        network().forward(x.astype(int))
    with pytest.raises(ValueError, match=r"layer 'conv3'.*positions"):
        network().forward(np.concatenate([x, x], axis=2))


CONV = convnet.Conv2d(np.ones((1, 1, 2, 2)))
BAD_STACKS = [
    (lambda: convnet.Stack([]), ValueError, "at least one layer"),
    (lambda: convnet.Stack(CONV), TypeError, r"layers must be a list of layers .*, got Conv2d"),
    (lambda: convnet.Stack([convnet.Detector]), TypeError, r"layers\[0\] must be a layer .*Detector"),
    (lambda: convnet.Stack([("a", CONV, 3)]), TypeError, r"layers\[0\] must be a layer or \(name, layer\)"),
    (lambda: convnet.Stack([CONV, "relu"]), TypeError, r"layers\[1\] must be a layer .*'relu'"),
    (lambda: convnet.Stack([("a", CONV), ("a", CONV)]), ValueError, r"layers\[1\].*'a'"),
    (lambda: convnet.Stack([("a.b", CONV)]), ValueError, "without dots, got 'a.b'"),
    (lambda: convnet.Stack([CONV], input_shape=(7, 9)), ValueError, r"\(channel, row, column\)"),
    (
        lambda: convnet.Stack([CONV], input_shape=(1, 0, 9)),
        ValueError,
        r"input_shape\[1\] must be at least 1",
    ),
    (lambda: convnet.Stack([CONV]).with_parameters([1]), TypeError, r"arrays by name, got \[1\]"),
    (lambda: convnet.Stack([CONV]).with_parameters({1: 1}), TypeError, "arrays by name, got {1: 1}"),
    (lambda: convnet.Stack([CONV]).output_shape(5), ValueError, "input_shape must be .*, got 5"),
    (lambda: convnet.Stack([CONV]).receptive_field(["a"]), ValueError, r"one of conv1, got \['a'\]"),
    (lambda: convnet.Stack([CONV]).receptive_field("conv2"), ValueError, "one of conv1, got 'conv2'"),
    (lambda: convnet.Stack([CONV]).with_parameters({"conv2.kernel": 1}), ValueError, "no layer 'conv2'"),
    (
        lambda: convnet.Stack([CONV]).with_parameters({"conv1.k": 1}),
        ValueError,
        "layer 'conv1'.*no parameter k",
    ),
    (
        lambda: convnet.Stack([CONV, CONV]).with_parameters({"conv1.kernel": np.ones((2, 1, 2, 2))}),
        ValueError,
        "layer 'conv2'.*takes 1 channels, but the input has 2",
    ),
    (
        lambda: convnet.Stack([CONV, convnet.Flatten()]).receptive_field("flatten1"),
        ValueError,
        "layer 'flatten1'.*give the stack an input_shape",
    ),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD_STACKS)
def test_bad_stacks_are_refused_in_words(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_the_summary_tells_names_shapes_and_numbers_of_parameters():
    stack = convnet.Stack(
        [convnet.Conv2d(np.ones((4, 2, 3, 2)), np.ones(4)), convnet.Pool2d("l2", 2)], input_shape=(2, 7, 9)
    )
    assert stack.summary().splitlines() == [
        "layer  kind    output     parameters",
        "conv1  Conv2d  4 x 5 x 8  52",
        "pool1  Pool2d  4 x 2 x 4  0",
        "52 parameters",
    ]


# -- forward and back ---------------------------------------------------------------------------------


def test_a_stack_is_its_layers_one_after_the_other(x):
    stack = network()
    y, y_by_hand = stack.forward(x)[0], x
    for layer in stack.layers.values():
        y_by_hand = layer.forward(y_by_hand)[0]
    np.testing.assert_array_equal(y, y_by_hand)
    np.testing.assert_array_equal(y, stack.activations(x)["dense1"])


def test_gradients_of_a_stack_are_derivatives_along_any_direction(x, rng):
    stack, step = network(), 1e-5
    y, pullback = stack.forward(x)
    dy = rng.standard_normal(y.shape)
    dx, gradients = pullback(dy)
    assert list(gradients) == list(stack.parameters())
    assert "conv1.kernel" in gradients

    def change(up, down):
        return (dy * (up.forward(x)[0] - down.forward(x)[0])).sum() / (2 * step)

    for name, value in stack.parameters().items():
        way = rng.standard_normal(value.shape)
        up, down = (stack.with_parameters({name: value + s * way}) for s in (step, -step))
        assert (gradients[name] * way).sum() == pytest.approx(change(up, down), rel=1e-6, abs=1e-6)
    way = rng.standard_normal(x.shape)
    there = (dy * (stack.forward(x + step * way)[0] - stack.forward(x - step * way)[0])).sum() / (2 * step)
    assert (dx * way).sum() == pytest.approx(there, rel=1e-6)


def test_a_stack_may_hold_stacks(x):
    inner = convnet.Stack([convnet.Conv2d(normal(4, 2, 3, 3)), convnet.Detector("relu")])
    outer = convnet.Stack([("block", inner), convnet.ChannelPool("l2", 2)], input_shape=(2, 7, 9))
    y, pullback = outer.forward(x)
    assert list(pullback(y)[1]) == ["block.conv1.kernel"] == list(outer.parameters())
    doubled = outer.with_parameters({"block.conv1.kernel": 2 * inner.parameters()["conv1.kernel"]})
    np.testing.assert_allclose(doubled.forward(x)[0], 2 * y, rtol=1e-12)
    assert outer.receptive_field("pool1").size == (3, 3)


# -- receptive fields ---------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["conv1", "pool1", "conv2", "pool2", "conv3", "dense1"])
def test_a_receptive_field_is_where_pixels_matter(x, layer):
    stack = network()
    n_rows, n_columns = stack.shapes((2, 7, 9))[layer][1:]
    field = stack.receptive_field(layer)
    before = stack.activations(x)[layer][0]
    matters = np.zeros((7, 9, n_rows, n_columns), bool)
    for row, column in np.ndindex(7, 9):
        changed = x.copy()
        changed[:, :, row, column] += 3
        matters[row, column] = (stack.activations(changed)[layer][0] != before).any(axis=0)
    for j, k in np.ndindex(n_rows, n_columns):
        expected = np.zeros((7, 9), bool)
        top, left = (at * s + o for at, s, o in zip((j, k), field.stride, field.offset, strict=True))
        expected[max(top, 0) : top + field.size[0], max(left, 0) : left + field.size[1]] = True
        np.testing.assert_array_equal(matters[:, :, j, k], expected)


def test_receptive_fields_of_a_classic_network():
    """AlexNet's first two stages: 11 pixels of stride 4; pooled 3/2: 19, stride 8; 5 x 5 on those: 51."""
    stack = convnet.Stack(
        [
            convnet.Conv2d(np.ones((1, 1, 11, 11)), stride=4),
            convnet.Pool2d("max", 3, stride=2),
            convnet.Conv2d(np.ones((1, 1, 5, 5)), padding=(2, 2)),
        ]
    )
    fields = [stack.receptive_field(name) for name in stack.layers]
    assert [(f.size, f.stride, f.offset) for f in fields] == [
        ((11, 11), (4, 4), (0, 0)),
        ((19, 19), (8, 8), (0, 0)),
        ((51, 51), (8, 8), (-16, -16)),
    ]


# -- files --------------------------------------------------------------------------------------------


def test_a_saved_stack_can_be_read_by_whoever_reads_other_new_files(tmp_path):
    """Weights are shared: a file that only its owner may open is of no use in a lab's folder."""
    network().save(tmp_path / "net.npz")
    (tmp_path / "other").touch()
    modes = {(tmp_path / name).stat().st_mode for name in ("net.npz", "other")}
    assert len(modes) == 1


def test_a_stack_that_cannot_be_written_leaves_the_old_one_and_nothing_beside_it(tmp_path, monkeypatch):
    network().save(tmp_path / "net.npz")
    before = (tmp_path / "net.npz").read_bytes()

    def full(stream, **arrays):
        stream.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space left"):
        network().save(tmp_path / "net.npz")
    assert (tmp_path / "net.npz").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


def test_a_stack_comes_back_from_its_file_bit_for_bit(tmp_path, x):
    stack = network()
    stack.save(tmp_path / "net.npz")
    again = convnet.Stack.load(tmp_path / "net.npz")
    assert again.summary() == stack.summary()
    assert again.input_shape == (2, 7, 9)
    np.testing.assert_array_equal(again.forward(x)[0], stack.forward(x)[0])
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]


@pytest.mark.parametrize("flip", [False, True])
def test_settings_and_single_precision_survive(tmp_path, flip):
    conv = convnet.Conv2d(
        np.ones((1, 1, 2, 3), np.float32), padding=((1, 0), (2, 1)), stride=(2, 1), flip=flip
    )
    convnet.Stack([("mine", conv)]).save(tmp_path / "net.npz")
    again = convnet.Stack.load(tmp_path / "net.npz").layers["mine"]
    assert (again.padding, again.stride, again.flip, again.bias) == (((1, 0), (2, 1)), (2, 1), flip, None)
    assert again.kernel.dtype == np.float32


def test_weights_of_the_same_architecture_are_taken(tmp_path, x):
    trained, fresh = network(), network()
    trained.save(tmp_path / "net.npz")
    assert np.abs(fresh.forward(x)[0] - trained.forward(x)[0]).max() > 0.1
    np.testing.assert_array_equal(
        fresh.with_weights(tmp_path / "net.npz").forward(x)[0], trained.forward(x)[0]
    )


OTHERS = [
    ({"conv1": convnet.Conv2d(normal(4, 2, 3, 2), stride=(1, 2), padding="same")}, "'conv1' differs"),
    ({"square1": convnet.Detector("absolute")}, "'square1' differs.*kind=square.*kind=absolute"),
    ({"pool2": convnet.Pool2d("max", (2, 3), stride=(3, 1))}, "'pool2' differs"),
    ({"dense1": convnet.Dense(normal(6, 12), normal(6))}, r"'dense1' differs.*\(5, 12\).*\(6, 12\)"),
]


@pytest.mark.parametrize(("changes", "message"), OTHERS)
def test_weights_of_another_architecture_name_the_first_layer_that_differs(tmp_path, changes, message):
    network(**changes).save(tmp_path / "other.npz")
    with pytest.raises(ValueError, match=message):
        network().with_weights(tmp_path / "other.npz")


def test_a_stack_with_more_or_fewer_layers_is_another(tmp_path):
    short, long = convnet.Stack([CONV]), convnet.Stack([CONV, CONV])
    short.save(tmp_path / "short.npz")
    long.save(tmp_path / "long.npz")
    with pytest.raises(ValueError, match=r"'conv2' differs.*has no layer"):
        long.with_weights(tmp_path / "short.npz")
    with pytest.raises(ValueError, match=r"'conv2'.*one more than the stack has"):
        short.with_weights(tmp_path / "long.npz")


def test_new_weights_leave_the_shape_of_the_input_known(tmp_path):
    stack = network()
    stack.save(tmp_path / "net.NPZ")
    assert stack.with_weights(tmp_path / "net.NPZ").input_shape == (2, 7, 9)
    assert stack.with_parameters(stack.parameters()).input_shape == (2, 7, 9)


def test_names_of_other_programs_are_not_for_files_of_ones_own(tmp_path):
    network().save(tmp_path / "net.npz")
    with pytest.raises(ValueError, match="names are for files of other programs"):
        network().with_weights(tmp_path / "net.npz", names={"conv1": "conv2"})


# -- files of other programs --------------------------------------------------------------------------

CLASSIFIER = {
    "stem": convnet.Conv2d(np.zeros((4, 2, 3, 2)), np.zeros(4)),
    "standard": convnet.BatchStandardization.identity(4),
    "relu": convnet.Detector("relu"),
    "head": convnet.Dense(np.zeros((3, 160)), np.zeros(3)),
}
THEIRS = {
    "stem.weight": normal(4, 2, 3, 2),
    "stem.bias": normal(4),
    "standard.weight": normal(4),
    "standard.bias": normal(4),
    "standard.running_mean": normal(4),
    "standard.running_var": DRAW.uniform(0.5, 2, 4),
    "head.weight": normal(3, 160),
    "head.bias": normal(3),
}


def classifier(**changes):
    return convnet.Stack(list((CLASSIFIER | changes).items()), input_shape=(2, 7, 9))


def write_safetensors(path, tensors):
    header, blob = {}, b""
    for name, array in tensors.items():
        data = array.astype("<f8").tobytes()
        header[name] = {
            "dtype": "F64",
            "shape": list(array.shape),
            "data_offsets": [len(blob), len(blob) + len(data)],
        }
        blob += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + blob)


def write_onnx(path, tensors):
    def varint(n):
        return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

    def block(field, data):
        return varint(field << 3 | 2) + varint(len(data)) + data

    graph = block(1, block(1, b"x") + block(1, b"stem.weight") + block(4, b"Conv"))
    for name, array in tensors.items():
        dims = b"".join(varint(1 << 3) + varint(n) for n in array.shape)
        double = varint(2 << 3) + varint(11)
        graph += block(5, dims + double + block(8, name.encode()) + block(9, array.astype("<f8").tobytes()))
    path.write_bytes(block(7, graph))


WRITERS = {"safetensors": write_safetensors, "onnx": write_onnx}


@pytest.mark.parametrize("ending", WRITERS)
def test_weights_of_other_programs_are_put_where_they_belong(tmp_path, x, ending):
    path = tmp_path / f"net.{ending}"
    WRITERS[ending](path, THEIRS)
    stack = classifier().with_weights(path)
    for own, their in {"stem.kernel": "stem.weight", "standard.scale": "standard.weight"}.items():
        np.testing.assert_array_equal(stack.parameters()[own], THEIRS[their])
    by_hand = convnet.Conv2d(THEIRS["stem.weight"], THEIRS["stem.bias"]).forward(x)[0]
    mean, variance = (THEIRS[f"standard.running_{k}"][:, None, None] for k in ("mean", "var"))
    by_hand = (by_hand - mean) / np.sqrt(variance + 1e-5)
    by_hand = by_hand * THEIRS["standard.weight"][:, None, None] + THEIRS["standard.bias"][:, None, None]
    logits = np.maximum(by_hand, 0).reshape(3, -1) @ THEIRS["head.weight"].T + THEIRS["head.bias"]
    np.testing.assert_allclose(stack.forward(x)[0][:, :, 0, 0], logits, rtol=1e-10)


def test_a_network_of_torch_answers_the_same(tmp_path, x):
    torch = pytest.importorskip("torch", reason="torch is not installed: no network of its to compare with")
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, (3, 2)), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(160, 3)
    )
    torch.save(theirs.state_dict(), tmp_path / "net.pt")
    layers = [("conv", CLASSIFIER["stem"]), ("relu", CLASSIFIER["relu"]), ("head", CLASSIFIER["head"])]
    stack = convnet.Stack(layers).with_weights(tmp_path / "net.pt", names={"conv": "0", "head": "3"})
    with torch.no_grad():
        expected = theirs(torch.tensor(x, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(stack.forward(x)[0][:, :, 0, 0], expected, rtol=0, atol=1e-5)


def test_only_the_layers_that_are_named_take_weights(tmp_path):
    write_safetensors(tmp_path / "net.safetensors", THEIRS)
    stack = classifier().with_weights(tmp_path / "net.safetensors", names={"head": "head"})
    assert not stack.parameters()["stem.kernel"].any()
    np.testing.assert_array_equal(stack.parameters()["head.weights"], THEIRS["head.weight"])


FOREIGN = [
    (
        {},
        THEIRS | {"stem.weight": normal(4, 2, 5, 5)},
        None,
        r"layer 'stem' differs.*\(4, 2, 3, 2\).*\(4, 2, 5, 5\)",
    ),
    ({}, {"stem.weight": THEIRS["stem.weight"]}, None, "layer 'stem': .*no stem.bias; it holds stem.weight"),
    (
        {"standard": convnet.BatchStandardization(np.ones(4), np.zeros(4), np.zeros(4), np.ones(4))},
        {name: value for name, value in THEIRS.items() if not name.startswith("standard.running")},
        None,
        r"'standard': .*no standard.running_mean, standard.running_var",
    ),
    ({}, THEIRS | {"stem.bias": np.full(4, np.nan)}, None, r"layer 'stem' of .*: bias must be finite"),
    ({}, THEIRS, {"steam": "stem"}, "names holds steam; the stack has stem"),
    ({}, THEIRS, {"stem": "features.0"}, "no features.0.weight, features.0.bias"),
    ({"stem": convnet.Conv2d(np.zeros((4, 2, 3, 2)))}, THEIRS, None, "layer 'stem' has no bias"),
    ({"stem": convnet.Conv2d(np.zeros((4, 2, 3, 2)), flip=True)}, THEIRS, None, "'stem'.*unflipped"),
    (
        {"stem": convnet.UnsharedConv2d(np.zeros((4, 5, 8, 2, 3, 2)))},
        THEIRS,
        None,
        "'stem': .*taken by Conv2d",
    ),
]


@pytest.mark.parametrize(("changes", "tensors", "names", "message"), FOREIGN)
def test_foreign_weights_that_do_not_fit_are_refused_in_words(tmp_path, changes, tensors, names, message):
    write_safetensors(tmp_path / "net.safetensors", tensors)
    with pytest.raises(ValueError, match=message):
        classifier(**changes).with_weights(tmp_path / "net.safetensors", names=names)


# -- damaged and hostile files ------------------------------------------------------------------------


def archive(**members):
    stream = io.BytesIO()
    np.savez(stream, **{name.replace("__", "."): np.asarray(value) for name, value in members.items()})
    return stream.getvalue()


def told(*layers, **changes):
    return json.dumps({"format": "v1sim stack 1", "input_shape": None, "layers": list(layers)} | changes)


CONVOLUTION = {"name": "conv1", "kind": "Conv2d", "settings": {"stride": 1}, "arrays": ["kernel"]}
KERNEL = np.ones((1, 1, 2, 2))
HOSTILE = {
    "nothing": (b"", "not a readable .npz"),
    "text": (b"hello", "not a readable .npz"),
    "no architecture": (archive(w=KERNEL), "missing architecture"),
    "pickles": (archive(architecture=np.array({"a": 1}, dtype=object)), "pickled objects"),
    "no text": (archive(architecture=np.ones(3)), "architecture cannot be read"),
    "no json": (archive(architecture="{"), "architecture cannot be read"),
    "deep json": (archive(architecture="[" * 100_000), "architecture cannot be read"),
    "another format": (archive(architecture=told(format="v2sim")), "architecture cannot be read"),
    "no list": (archive(architecture=told(layers=5)), "architecture cannot be read"),
    "no layers": (archive(architecture=told()), "at least one layer"),
    "no entry": (archive(architecture=told("conv1")), "not described as one: 'conv1'"),
    "no name": (archive(architecture=told(CONVOLUTION | {"name": 3}), conv1__kernel=KERNEL), "not described"),
    "unknown kind": (
        archive(architecture=told(CONVOLUTION | {"kind": "system"})),
        "'conv1'.*'system'.*not known",
    ),
    "unknown setting": (
        archive(architecture=told(CONVOLUTION | {"settings": {"code": "x"}}), conv1__kernel=KERNEL),
        r"'conv1'.*does not take: \['code'\]",
    ),
    "strange arrays": (
        archive(architecture=told(CONVOLUTION | {"arrays": [["kernel"], {}]})),
        "'conv1'.*does not take",
    ),
    "bad setting": (
        archive(architecture=told(CONVOLUTION | {"settings": {"stride": 0}}), conv1__kernel=KERNEL),
        "layer 'conv1'.*stride must be at least 1",
    ),
    "missing setting": (
        archive(architecture=told({"name": "a", "kind": "Pool2d", "settings": {}, "arrays": []})),
        "layer 'a'.*missing",
    ),
    "an array that is a setting too": (
        archive(architecture=told(CONVOLUTION | {"settings": {"kernel": [[[[1]]]]}}), conv1__kernel=KERNEL),
        "layer 'conv1'.*multiple values for keyword argument 'kernel'",
    ),
    "missing array": (archive(architecture=told(CONVOLUTION)), "lacks kernel of layer 'conv1'"),
    "bad array": (archive(architecture=told(CONVOLUTION), conv1__kernel=np.ones(3)), "'conv1'.*out, in, row"),
    "complex array": (
        archive(architecture=told(CONVOLUTION), conv1__kernel=KERNEL + 1j),
        "'conv1'.*real numbers",
    ),
    "stray array": (
        archive(architecture=told(CONVOLUTION), conv1__kernel=KERNEL, other=KERNEL),
        "belong to no layer: other",
    ),
    "twice": (
        archive(architecture=told(CONVOLUTION, CONVOLUTION), conv1__kernel=KERNEL),
        "lacks kernel of layer 'conv1'",
    ),
    "bad input shape": (
        archive(architecture=told(CONVOLUTION, input_shape="big"), conv1__kernel=KERNEL),
        r"input_shape must be \(channel, row, column\)",
    ),
    "does not fit": (
        archive(architecture=told(CONVOLUTION, input_shape=[3, 9, 9]), conv1__kernel=KERNEL),
        "layer 'conv1'.*takes 1 channels",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_one_sentence(tmp_path, name):
    content, message = HOSTILE[name]
    (tmp_path / "net.npz").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        convnet.Stack.load(tmp_path / "net.npz")


def test_a_damaged_file_never_ends_in_anything_else(tmp_path):
    network().save(tmp_path / "net.npz")
    whole = (tmp_path / "net.npz").read_bytes()
    rng = np.random.default_rng(5)
    for at in rng.integers(0, len(whole), 60):
        damaged = whole[:at] if at % 2 else whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
        (tmp_path / "net.npz").write_bytes(damaged)
        with suppress(ValueError):  # a byte may be one that says nothing
            convnet.Stack.load(tmp_path / "net.npz")


def test_an_array_that_claims_more_than_the_file_holds_takes_no_memory(tmp_path):
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as file:
        for name, array in (("architecture", np.array(told(CONVOLUTION))), ("conv1.kernel", KERNEL)):
            stream = io.BytesIO()
            np.save(stream, array)
            data = stream.getvalue()
            if name != "architecture":
                data = data.replace(b"(1, 1, 2, 2), }", b"(9, 9, 9, 9), }")
            file.writestr(f"{name}.npy", data)
    with pytest.raises(ValueError, match=r"conv1\.kernel.*claims 52488 bytes"):
        convnet.Stack.load(tmp_path / "net.npz")


def test_a_stack_that_cannot_be_written_leaves_the_old_file(tmp_path):
    network().save(tmp_path / "net.npz")
    before = (tmp_path / "net.npz").read_bytes()
    nested = convnet.Stack([("block", convnet.Stack([CONV]))])
    with pytest.raises(ValueError, match="layer 'block': Stack has no form on disk"):
        nested.save(tmp_path / "net.npz")
    assert (tmp_path / "net.npz").read_bytes() == before
    with pytest.raises(FileNotFoundError):
        convnet.Stack.load(tmp_path / "absent.npz")
    with pytest.raises(FileNotFoundError, match=r"absent\.pt"):
        network().with_weights(tmp_path / "absent.pt")
    with pytest.raises(FileNotFoundError, match=r"nowhere/net\.npz lies in no folder that there is"):
        network().save(tmp_path / "nowhere" / "net.npz")
    with pytest.raises(IsADirectoryError, match="is a folder: name a file in it"):
        network().save(tmp_path)
    with pytest.raises(ValueError, match=r"must end in one of .safetensors, .onnx"):
        network().with_weights(tmp_path / "net.h5")
