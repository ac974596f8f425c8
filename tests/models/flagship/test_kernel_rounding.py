"""Kernels of an 8-bit filter, rounded for the inputs that they receive."""

import numpy as np
import pytest
from keras import layers, ops

from compressor.layers.eight_bits import in_steps
from compressor.models.flagship.kernel_rounding import _kernel, _matrix, _windows, round_kernels
from training.eight_bits import fit_eight_bits
from training.rebuild import rebuilt


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(5, 3, padding="same", use_bias=False),
        layers.Conv2D(5, 4, 2, padding="same", use_bias=False),
        layers.Conv2DTranspose(3, 4, 2, padding="same", use_bias=False),
    ],
    ids=["3x3", "strided", "transposed"],
)
def test_a_convolution_is_a_product_of_windows_and_a_matrix(layer):
    inputs = np.random.default_rng(0).normal(size=(2, 6, 8, 4)).astype(np.float32)
    expected = ops.convert_to_numpy(layer(inputs))
    kernel = np.asarray(layer.kernel)
    found = _windows(layer, inputs) @ _matrix(layer, kernel)
    if isinstance(layer, layers.Conv2DTranspose):
        # Depth-to-space, and the crop after it.
        found = (
            found.reshape(2, 7, 9, 2, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 14, 18, 3)[:, 1:-1, 1:-1]
        )
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-5)
    np.testing.assert_array_equal(_kernel(layer, _matrix(layer, kernel)), kernel)


def test_the_outputs_change_less_than_with_nearest_integers(tiny_flagship, random_pictures):
    pictures = random_pictures(12, 64, 128, seed=3)
    quality = np.linspace(0, 1, 12, dtype=np.float32)
    model = rebuilt(tiny_flagship, tiny_flagship.config | {"eight_bits": True})
    fit_eight_bits(tiny_flagship, model, {"images": pictures, "quality": quality})

    def error():
        """Return the error of the output on other pictures than those for rounding."""
        others, at = random_pictures(4, 64, 64, seed=4), np.linspace(0, 1, 4, dtype=np.float32)
        decoded = np.asarray(tiny_flagship.coded_without_filter(others, at))
        return np.std(np.asarray(model.filter(decoded, at)) - np.asarray(tiny_flagship.filter(decoded, at)))

    nearest = error()
    round_kernels(model, [np.rint(255 * picture).astype(np.uint8) for picture in pictures], range(0, 360, 30))
    assert error() < 0.9 * nearest
    for layer in model.synthesis_filter.layers:
        if isinstance(layer, layers.Conv2D | layers.Conv2DTranspose):
            stored = np.asarray(layer.kernel).astype(np.float16).astype(np.float32)
            steps = np.asarray(in_steps(stored, layer.output_axis)[0])
            np.testing.assert_allclose(steps, np.rint(steps), atol=0.05)
