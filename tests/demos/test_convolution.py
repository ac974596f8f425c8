"""Convolution: four implementations, kernels, Conv2D shapes, arithmetic."""

import numpy as np
import pytest

for module in ("tensorflow", "scipy", "skimage", "matplotlib"):
    pytest.importorskip(module, reason="needs the extras demos and train")
keras = pytest.importorskip("keras", reason="needs Keras")

from scipy import ndimage, signal  # noqa: E402
from skimage import filters  # noqa: E402

from demos import arithmetic, conv2d, convolve, kernels  # noqa: E402
from demos import receptive_field as field_of  # noqa: E402
from demos.common import ArgumentError  # noqa: E402

METHODS = (convolve.by_loop, convolve.by_windows, convolve.by_scipy, convolve.by_keras)


@pytest.fixture
def image(rng):
    return rng.random((13, 17)).astype(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (2, 5), (13, 17)])
def test_methods_agree_with_scipy(method, size, image, rng):
    kernel = rng.standard_normal(size).astype(np.float32)
    output = method(image, kernel)
    assert output.shape == (13 - size[0] + 1, 17 - size[1] + 1)
    assert output == pytest.approx(signal.fftconvolve(image, kernel, mode="valid"), abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_convolution_flips_the_kernel(method):
    image, kernel = np.array([[1.0, 2, 3]]), np.array([[1.0, 10]])
    assert method(image, kernel).tolist() == [[12, 23]]  # 1*10 + 2*1, 2*10 + 3*1
    assert method(image, convolve.flip(kernel)).tolist() == [[21, 32]]  # the correlation


@pytest.mark.parametrize("method", METHODS)
def test_kernel_does_not_fit(method):
    with pytest.raises(ArgumentError, match="kernel 3x3 is larger than the image 2x9"):
        method(np.zeros((2, 9)), np.zeros((3, 3)))


@pytest.mark.parametrize(
    ("name", "reference"),
    [("Sobel", filters.sobel_h), ("Scharr", filters.scharr_h), ("Prewitt", filters.prewitt_h)],
)
def test_edge_kernels_agree_with_scikit_image(name, reference, image):
    # scikit-image divides by the sum of the positive weights: 4, 16 and 3. The response to a ramp is then 2.
    ours = kernels.correlate(image, kernels.DERIVATIVES[name].T)
    assert 2 * ours[1:-1, 1:-1] == pytest.approx(reference(image)[1:-1, 1:-1], abs=1e-5)


@pytest.mark.parametrize("name", kernels.DERIVATIVES)
def test_derivatives_of_a_ramp_are_one(name):
    ramp = np.tile(np.arange(9, dtype=np.float32), (9, 1))
    response = kernels.correlate(ramp, kernels.DERIVATIVES[name])
    assert response[2:-2, 2:-2] == pytest.approx(np.ones((5, 5)), abs=1e-5)
    assert abs(kernels.correlate(ramp, kernels.DERIVATIVES[name].T)[2:-2, 2:-2]).max() < 1e-5


def test_correlate_agrees_with_ndimage_including_borders(image):
    for kernel in (kernels.LAPLACIAN, kernels.SHARPEN, kernels.HORIZONTAL_EDGE, kernels.gaussian(5, 1.0)):
        assert kernels.correlate(image, kernel) == pytest.approx(
            ndimage.correlate(image, kernel, mode="reflect"), abs=1e-5
        )


def test_laplacian_agrees_with_ndimage(image):
    assert kernels.correlate(image, kernels.LAPLACIAN) == pytest.approx(ndimage.laplace(image), abs=1e-5)


def test_roberts_responds_to_diagonals():
    step = np.array([[0, 0], [0, 1]], np.float32)
    assert kernels.correlate(step, kernels.ROBERTS[0])[0, 0] == -1
    assert kernels.correlate(step, kernels.ROBERTS[1])[0, 0] == 0


def test_horizontal_edge_is_signed():
    image = np.zeros((6, 6), np.float32)
    image[3:] = 1
    response = kernels.correlate(image, kernels.HORIZONTAL_EDGE)
    assert response[2:4, 2].tolist() == [-3, -3]
    assert kernels.correlate(1 - image, kernels.HORIZONTAL_EDGE)[2:4, 2].tolist() == [3, 3]


@pytest.mark.parametrize(("size", "sigma"), [(1, 1.0), (5, 0.8), (21, 2.5)])
def test_gaussian_is_the_sampled_density(size, sigma):
    window = signal.windows.gaussian(size, sigma)
    expected = np.outer(window, window)
    assert kernels.gaussian(size, sigma) == pytest.approx(expected / expected.sum(), abs=1e-6)


def test_laplacian_of_gaussian_agrees_with_ndimage(image):
    wide = np.pad(image, 20, mode="symmetric")
    ours = kernels.correlate(wide, kernels.laplacian_of_gaussian(21, 2.0))
    theirs = ndimage.gaussian_laplace(wide, 2.0, truncate=5)
    assert ours[12:-12, 12:-12] == pytest.approx(theirs[12:-12, 12:-12], abs=2e-4)


def test_laplacian_of_gaussian_sums_to_zero():
    assert abs(kernels.laplacian_of_gaussian(9, 1.4).sum()) < 1e-6


@pytest.mark.parametrize("make", [kernels.gaussian, kernels.laplacian_of_gaussian])
@pytest.mark.parametrize(
    ("size", "sigma"), [(4, 1.0), (0, 1.0), (-3, 1.0), (3, 0.0), (3, -1.0), (3, float("nan"))]
)
def test_invalid_kernel_sizes(make, size, sigma):
    with pytest.raises(ArgumentError, match="must be"):
        make(size, sigma)


def test_batch_round_trip_of_every_level():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    colour = np.stack([levels, levels.T, levels[::-1]], axis=-1)
    for picture in (levels, colour):
        batch = conv2d.to_batch(picture)
        assert batch.shape == (1, 16, 16, picture.ndim * 2 - 3)
        assert (batch.min(), batch.max()) == (0, 1)
        assert np.array_equal(conv2d.to_picture(batch), picture)


def test_to_picture_rounds_and_clips():
    maps = np.array([-0.5, 0.499 / 255, 0.501 / 255, 0.9999, 1.5], np.float32).reshape(1, 1, 5, 1)
    assert conv2d.to_picture(maps).tolist() == [[0, 0, 1, 255, 255]]


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4)), np.zeros((4,), np.uint8), np.zeros((1, 4, 4, 3), np.uint8)]
)
def test_to_batch_rejects_other_arrays(array):
    with pytest.raises(ArgumentError, match="expected a uint8 picture"):
        conv2d.to_batch(array)


@pytest.mark.parametrize("size", [(2, 4, 4, 1), (1, 4, 4, 2), (4, 4)])
def test_to_picture_rejects_other_shapes(size):
    with pytest.raises(ArgumentError, match="expected one picture"):
        conv2d.to_picture(np.zeros(size))


def test_stretch_covers_the_range():
    assert conv2d.stretch(np.array([-2.0, 0, 2])).tolist() == [0, 0.5, 1]
    assert conv2d.stretch(np.full(3, 7.0)).tolist() == [0, 0, 0]


def test_a_filter_sums_over_channels(rng):
    images = rng.random((1, 9, 9, 3)).astype(np.float32)
    kernel = rng.random((3, 3, 3, 1)).astype(np.float32)
    expected = sum(signal.correlate2d(images[0, :, :, c], kernel[:, :, c, 0], mode="same") for c in range(3))
    assert conv2d.conv2d_with(kernel, images)[0, :, :, 0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "padding"), [(16, 4, 2, 1), (7, 3, 2, 1), (9, 5, 3, 2), (8, 3, 1, 0)]
)
def test_explicit_padding_agrees_with_scipy(n, kernel, stride, padding, rng):
    layer = conv2d.padded_conv2d(1, kernel, stride, padding)
    image = rng.random((1, n, n, 1)).astype(np.float32)
    output = keras.ops.convert_to_numpy(layer(image))[0, :, :, 0]
    weights = layer.get_weights()[0][:, :, 0, 0]
    full = signal.correlate2d(np.pad(image[0, :, :, 0], padding), weights, mode="valid")
    assert output == pytest.approx(full[::stride, ::stride], abs=1e-4)
    assert output.shape == (arithmetic.conv_output(n, kernel, stride, padding),) * 2


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2), (1, 3)])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_conv_output_agrees_with_keras(kernel, stride, dilation, padding):
    for n in (13, 14):
        layer = keras.layers.Conv2D(1, kernel, stride, dilation_rate=dilation)
        output = layer.compute_output_shape((1, n + 2 * padding, n + 2 * padding, 1))
        assert output[1] == arithmetic.conv_output(n, kernel, stride, padding, dilation)


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
def test_transpose_output_agrees_with_keras(kernel, stride, dilation):
    for n in (1, 6):
        layer = keras.layers.Conv2DTranspose(1, kernel, stride, dilation_rate=dilation)
        output = layer(np.zeros((1, n, n, 1), np.float32))
        assert output.shape[1] == arithmetic.transpose_output(n, kernel, stride, dilation=dilation)


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "padding"), [(8, 3, 1, 0), (9, 3, 2, 1), (16, 4, 2, 1), (10, 5, 3, 2)]
)
def test_transpose_output_inverts_conv_output(n, kernel, stride, padding):
    small = arithmetic.conv_output(n, kernel, stride, padding)
    lost = (n + 2 * padding - kernel) % stride
    assert arithmetic.transpose_output(small, kernel, stride, padding, output_padding=lost) == n


@pytest.mark.parametrize(
    "call",
    [
        lambda: arithmetic.transpose_output(1, 3, padding=2),
        lambda: arithmetic.transpose_output(3, 1, padding=2),
        lambda: arithmetic.conv_output(2, 3),
        lambda: arithmetic.conv_output(4, 3, dilation=2),
    ],
)
def test_empty_output(call):
    with pytest.raises(ArgumentError, match="the output would be empty"):
        call()


def test_empty_output_message():
    with pytest.raises(ArgumentError, match="padding 2 on a 3x3 result leaves a size of -1"):
        arithmetic.transpose_output(1, 3, padding=2)


def test_parameter_counts():
    assert arithmetic.conv_parameters(3, 3, 1) == 28
    assert arithmetic.conv_parameters(3, 3, 1, bias=False) == 27
    for layer in (keras.layers.Conv2D(5, 4), keras.layers.Conv2DTranspose(5, 4)):
        layer.build((None, 8, 8, 7))
        assert layer.count_params() == arithmetic.conv_parameters(4, 7, 5)


def test_known_receptive_fields():
    layer = field_of.Layer
    assert field_of.receptive_field([]) == 1
    assert field_of.receptive_field([layer(3), layer(3)]) == 5  # the same as one 5x5
    assert field_of.receptive_field([layer(7, 2), layer(3, 2)]) == 11  # the stem of a ResNet
    assert field_of.receptive_field([layer(4, 2, transposed=True)]) == 2
    assert field_of.receptive_field([layer(3, 2, transposed=True)]) == 2
    assert field_of.receptive_field([layer(2, 2, transposed=True)]) == 1


@pytest.mark.parametrize("stack", list(arithmetic.STACKS.values())[:3])
def test_receptive_field_agrees_with_the_recursion(stack):
    assert field_of.receptive_field_growth(stack)[-1] == field_of.receptive_field(stack)


def brute_force_field(stack, size=60):
    """Track the set of inputs that each position of a 1-D stack depends on."""
    reads = [{i} for i in range(size)]
    for layer in stack:
        taps = [layer.dilation * a for a in range(layer.kernel)]
        if layer.transposed:
            wide = [set() for _ in range(len(reads) * layer.stride + layer.reach)]
            for i, read in enumerate(reads):
                for tap in taps:
                    wide[i * layer.stride + tap] |= read
            reads = wide
        else:
            starts = range(0, len(reads) - layer.reach, layer.stride)
            reads = [set().union(*(reads[start + tap] for tap in taps)) for start in starts]
    return max(max(read) - min(read) + 1 for read in reads if read)


def test_receptive_field_of_random_stacks(rng):
    for _ in range(60):
        stack = [
            field_of.Layer(int(rng.integers(1, 5)), int(rng.integers(1, 3)), 1, bool(rng.integers(2)))
            for _ in range(int(rng.integers(1, 4)))
        ]
        assert field_of.receptive_field(stack) == brute_force_field(stack), stack


def test_receptive_fields_of_the_codec_agree_with_gradients():
    registry = pytest.importorskip("compressor.models.registry")
    networks = pytest.importorskip("compressor.models.flagship.networks")
    cases = [registry.build_model("cnn").analysis, networks.correction_network(4, 8)]
    for model, size in zip(cases, (32, 640), strict=True):
        for weight in model.trainable_weights:  # positive, so that nothing cancels
            weight.assign(np.random.default_rng(0).uniform(0.01, 0.1, weight.shape))
        field = field_of.receptive_field(field_of.layers_of(model))
        _, _, height, width = field_of.extent(field_of.sensitivity(model, size))
        assert (height, width) == (field, field)


def test_receptive_fields_of_the_codec():
    fields = {
        name: field_of.receptive_field(field_of.layers_of(m))
        for name, m in arithmetic.codec_transforms().items()
    }
    assert fields["cnn analysis"] == 5 + 2 * 4  # kernel 5 twice, the second at a jump of 2
    assert all(field > 1 for field in fields.values())


def test_extent_of_zeros():
    with pytest.raises(ArgumentError, match="does not depend"):
        field_of.extent(np.zeros((4, 4)))
