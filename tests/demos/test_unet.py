"""U-Net."""

import keras
import numpy as np
import pytest

from demos import unet
from demos.arithmetic import conv_parameters
from demos.errors import ArgumentError


def test_unet_size_agrees_with_the_paper():
    model = unet.unet()
    widest = max(layer.filters for layer in model.layers if hasattr(layer, "filters"))
    assert widest == 1024
    count, channels = 0, 3
    for width in (64, 128, 256, 512, 1024):
        count += conv_parameters(3, channels, width) + conv_parameters(3, width, width)
        channels = width
    for width in (512, 256, 128, 64):
        count += (
            conv_parameters(2, 2 * width, width)
            + conv_parameters(3, 2 * width, width)
            + conv_parameters(3, width, width)
        )
    assert model.count_params() == count + conv_parameters(1, 64, 1)


@pytest.mark.parametrize("size", [(16, 16), (32, 48)])
def test_unet_preserves_sizes_divisible_by_16(size):
    output = unet.unet(width=1)(np.zeros((1, *size, 3), np.float32)).numpy()
    assert output.shape == (1, *size, 1)
    assert output.min() >= 0
    assert output.max() <= 1


@pytest.mark.parametrize(
    ("size", "message"),
    [((24, 32), "height must be divisible by 16, received 24"), ((32, 17), "width must be")],
)
def test_unet_refuses_other_sizes(size, message):
    with pytest.raises(ArgumentError, match=message) as error:
        unet.unet(width=1)(np.zeros((1, *size, 3), np.float32))
    assert "\n" not in str(error.value)


def test_unet_refuses_invalid_widths():
    with pytest.raises(ArgumentError, match="width must be a positive integer"):
        unet.unet(width=0)


def test_unet_can_be_saved(tmp_path):
    pictures = np.random.default_rng(0).random((2, 32, 48, 3), np.float32)
    model = unet.unet(width=4)
    model.save(tmp_path / "unet.keras")
    loaded = keras.saving.load_model(tmp_path / "unet.keras")
    assert np.allclose(model(pictures), loaded(pictures), atol=1e-6)
