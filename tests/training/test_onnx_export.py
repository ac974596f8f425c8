"""Exported graphs against the Keras models that they came from."""

import keras
import numpy as np
import onnxruntime
import pytest

from compressor.layers import DynamicEightBitConv2D, EightBitConv2DTranspose, EightBits
from compressor.layers.shuffle import subpixel_kernel
from compressor.models.flagship.graphs import deployment_graphs
from compressor.models.flagship.networks import context_network, synthesis_filter_network
from compressor.spec.passes import CELLS, CodingPass
from training.onnx_export.graph import to_onnx


def run(model, *inputs):
    session = onnxruntime.InferenceSession(
        to_onnx(model).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {f"x{k}": x for k, x in enumerate(inputs)})[0]


def halved(model):
    """Round the weights to what float16 holds, as exported files do."""
    for variable in model.weights:
        variable.assign(np.asarray(variable).astype(np.float16).astype(np.float32))
    return model


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (4, 2), (5, 2), (8, 4), (16, 16), (5, 3)])
def test_transposed_convolution_equals_convolution_and_depth_to_space(kernel, stride):
    inputs = keras.layers.Input((None, None, 3))
    outputs = keras.layers.Conv2DTranspose(
        2, kernel, stride, "same", bias_initializer="normal", activation="relu"
    )(inputs)
    model = halved(keras.Model(inputs, outputs))
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(run(model, x), np.asarray(model(x)), atol=2e-6)


def test_subpixel_kernel_by_hand():
    kernel = subpixel_kernel(np.arange(1.0, 10).reshape(3, 3, 1, 1), 2)
    # Along one axis, outputs 0 and 1 weight the previous input with rows 2 and 3 (zero) of the kernel, and
    # their own input with rows 0 and 1.
    np.testing.assert_array_equal(kernel[:, 0, 0, 0], [9, 0, 0, 0])
    np.testing.assert_array_equal(kernel[:, 0, 0, 1], [7, 8, 0, 0])
    np.testing.assert_array_equal(kernel[:, 0, 1, 0], [3, 0, 6, 0])
    np.testing.assert_array_equal(kernel[:, 0, 1, 1], [1, 2, 4, 5])


def test_eight_bits_round_as_in_training():
    random = np.random.default_rng(0)
    model, unrounded = (synthesis_filter_network(8, 1, eight_bits=bits) for bits in (True, False))
    for variable in unrounded.weights:
        variable.assign(random.normal(0, 0.3, variable.shape))
    convolutions = [layer for layer in model.layers if "kernel" in dir(layer)]
    for layer, source in zip(convolutions, (each for each in unrounded.layers if each.weights), strict=True):
        layer.set_weights(source.get_weights())
    limits = (-4.0, 0.0, 0.0, -4.0, -3.0, -3.0)
    rounding = (layer for layer in model.layers if isinstance(layer, EightBits))
    for layer, low in zip(rounding, limits, strict=True):
        layer.fit(low, 5.0)
    halved(model)
    x = random.normal(size=(1, 32, 32, 4)).astype(np.float32)
    got, expected = run(model, x), np.asarray(model(x))
    # The engine also rounds biases, which moves some values to the next integer.
    assert np.mean(np.isclose(got, expected, atol=1e-5)) > 0.8
    by_rounding = np.std(expected - np.asarray(unrounded(x)))
    assert np.std(got - expected) < 0.2 * by_rounding


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2)])
def test_means_in_eight_bits_round_as_in_training(kernel, stride):
    random = np.random.default_rng(0)
    p = CodingPass(CELLS if stride == 1 else CELLS[:1], low=0, high=5, seen=6, kernel=kernel)
    model, unrounded = (context_network(p, 4, 8, "mean", eight_bits=bits) for bits in (True, False))
    for variable in model.weights:
        variable.assign(random.normal(0, 0.3, variable.shape))
    halved(model)
    unrounded.set_weights(model.get_weights())
    window = random.normal(size=(2, 6 * stride + kernel - stride, 8 * stride + kernel - stride, 6))
    inputs = window.astype(np.float32), random.normal(size=(2, 6, 8, 4)).astype(np.float32)
    got, expected = run(model, *inputs), np.asarray(model(list(inputs)))
    by_rounding = np.std(expected - np.asarray(unrounded(list(inputs))))
    # Sums in another order move some activations to the next of 256 levels.
    assert np.std(got - expected) < 0.5 * by_rounding < 0.05 * np.std(expected)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_dynamic_eight_bits_with_padding_round_as_in_training(size):
    random = np.random.default_rng(0)
    inputs = keras.layers.Input((None, None, 3))
    model = keras.Model(inputs, DynamicEightBitConv2D(4, size, padding="same")(inputs))
    model.set_weights([random.normal(0, 0.3, variable.shape) for variable in model.weights])
    halved(model)
    x = random.uniform(-1, 3, (2, 6, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(run(model, x), np.asarray(model(x)), atol=1e-5)


def test_dynamic_eight_bits_with_padding_and_a_stride_are_refused():
    inputs = keras.layers.Input((4, 4, 3))
    layer = DynamicEightBitConv2D(2, 3, 2, padding="same")
    with pytest.raises(TypeError, match=f"no ONNX rule for the padding of layer {layer.name}"):
        to_onnx(keras.Model(inputs, layer(inputs)))


@pytest.mark.parametrize("kind", [keras.layers.Conv2D, DynamicEightBitConv2D])
@pytest.mark.parametrize(
    "options",
    [{"kernel_size": (1, 3)}, {"strides": (1, 2)}, {"dilation_rate": 2}, {"groups": 3}],
    ids=lambda options: next(iter(options)),
)
def test_convolutions_with_options_that_no_rule_considers_are_refused(kind, options):
    inputs = keras.layers.Input((8, 8, 3))
    layer = kind(3, **{"kernel_size": 3} | options)
    with pytest.raises(TypeError, match=f"no ONNX rule for the options of layer {layer.name}"):
        to_onnx(keras.Model(inputs, layer(inputs)))


@pytest.mark.parametrize("options", [{"padding": "valid"}, {"use_bias": False}])
def test_transposed_convolutions_with_options_that_the_rule_does_not_consider_are_refused(options):
    inputs = keras.layers.Input((8, 8, 3))
    layer = keras.layers.Conv2DTranspose(3, 4, 2, **{"padding": "same"} | options)
    with pytest.raises(TypeError, match=f"no ONNX rule for the options of layer {layer.name}"):
        to_onnx(keras.Model(inputs, layer(inputs)))


def test_a_transposed_convolution_in_eight_bits_without_rounded_outputs_is_refused():
    inputs = keras.layers.Input((4, 4, 3))
    outputs = EightBitConv2DTranspose(3, 4, 2, padding="same")(inputs)
    with pytest.raises(TypeError, match="EightBitConv2DTranspose without EightBits"):
        to_onnx(keras.Model(inputs, outputs))


@pytest.mark.parametrize("size", [(4, 4), (8, 12)])
def test_every_graph_of_the_flagship(tiny_flagship, size):
    random = np.random.default_rng(1)
    for name, graph in deployment_graphs(tiny_flagship).items():
        halved(graph)
        inputs = []
        for tensor in graph.inputs:
            grid = size
            # Pixels and planes of quality.
            if tensor.shape[-1] <= 3:
                grid = (16 * size[0], 16 * size[1])
            if name.startswith("mean") and len(graph.inputs) == 2 and tensor is graph.inputs[0]:
                kernel = graph.get_layer("window").kernel_size[0]
                stride = graph.get_layer("window").strides[0]
                grid = tuple(stride * n + kernel - stride for n in size)
            shape = [n or g for n, g in zip(tensor.shape[1:3], grid, strict=True)]
            inputs.append(random.normal(size=(1, *shape, tensor.shape[-1])).astype(np.float32))
        expected = np.asarray(graph(inputs if len(inputs) > 1 else inputs[0]))
        tolerance = 1e-4 * max(1, np.abs(expected).max())
        np.testing.assert_allclose(run(graph, *inputs), expected, atol=tolerance, err_msg=name)


def test_a_layer_without_a_rule_is_refused():
    inputs = keras.layers.Input((4, 4, 3))
    with pytest.raises(TypeError, match="no ONNX rule"):
        to_onnx(keras.Model(inputs, keras.layers.MaxPooling2D()(inputs)))


@pytest.mark.parametrize(
    "layer", [keras.layers.Conv2D(2, 3, activation="gelu"), keras.layers.Activation("gelu")]
)
def test_an_activation_without_a_rule_is_refused(layer):
    inputs = keras.layers.Input((4, 4, 3))
    with pytest.raises(TypeError, match=f"no ONNX rule for activation gelu of layer {layer.name}"):
        to_onnx(keras.Model(inputs, layer(inputs)))
