"""The trained demos: residual generator, segmentation, U-Net and the compressor."""

import numpy as np
import pytest

for module in ("tensorflow", "scipy", "skimage", "matplotlib"):
    pytest.importorskip(module, reason="needs the extras demos and train")
keras = pytest.importorskip("keras", reason="needs Keras")

import tensorflow as tf  # noqa: E402
from skimage.restoration import denoise_tv_chambolle  # noqa: E402

from compressor.models.registry import build_model  # noqa: E402
from demos import compressor, residual_generator, segmentation, unet  # noqa: E402
from demos.arithmetic import conv_parameters  # noqa: E402
from demos.common import ArgumentError, DemoError  # noqa: E402
from demos.receptive_field import layers_of  # noqa: E402


@pytest.fixture
def rng():
    return np.random.default_rng(13)


def test_generator_enlarges_eight_times():
    model = residual_generator.residual_generator()
    assert model.compute_output_shape((1, 200, 200, 3)) == (1, 1600, 1600, 3)
    narrow = residual_generator.residual_generator((4, 6, 8))
    assert narrow(np.zeros((2, 5, 7, 3), np.float32)).shape == (2, 40, 56, 3)


def test_generator_layers():
    model = residual_generator.residual_generator()
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Conv2D") == 3 + 2 * 2
    assert kinds.count("BatchNormalization") == 3 + 2 * 2
    assert kinds.count("Add") == 2
    up = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2DTranspose)]
    assert [(layer.filters, layer.kernel_size, layer.strides) for layer in up] == [
        (128, (4, 4), (2, 2)),
        (64, (4, 4), (2, 2)),
        (3, (4, 4), (2, 2)),
    ]
    down = [layer.filters for layer in model.layers if type(layer).__name__ == "Conv2D"]
    assert down == [64, 128, 256, 256, 256, 256, 256]


def test_total_variation_agrees_with_tensorflow(rng):
    images = rng.random((2, 9, 9, 3)).astype(np.float32)
    # TensorFlow computes sums instead of means; for equal sides, the two are proportional.
    expected = np.mean(tf.image.total_variation(tf.constant(images))) / (8 * 9 * 3)
    assert float(residual_generator.total_variation(images)) == pytest.approx(expected, rel=1e-5)


def test_total_variation_has_a_gradient(rng):
    x = tf.constant(np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1).repeat(2, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = residual_generator.total_variation(x)
    # Only the ends of a ramp matter: moving an inner pixel changes one difference as much as the other.
    assert tape.gradient(loss, x)[0, 0, :, 0].numpy() == pytest.approx([-1 / 6, 0, 0, 1 / 6])


def test_smoothing_of_each_picture(rng):
    images = rng.random((2, 8, 8, 3)).astype(np.float32)
    smooth = residual_generator.smoothed(images)
    assert smooth[1] == pytest.approx(denoise_tv_chambolle(images[1], weight=0.1, channel_axis=-1))
    assert residual_generator.total_variation(smooth) < 0.5 * residual_generator.total_variation(images)


def test_training_depends_on_the_seed(rng):
    small, large = rng.random((2, 2, 2, 3)).astype(np.float32), rng.random((2, 16, 16, 3)).astype(np.float32)
    runs = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        model = residual_generator.residual_generator((4, 6, 8))
        runs.append(residual_generator.train(model, small, large, 0.1, steps=3))
    assert runs[0] == runs[1] != runs[2]
    assert runs[0][-1] < runs[0][0]


def test_training_with_total_variation_smooths(rng):
    small, large = rng.random((2, 2, 2, 3)).astype(np.float32), rng.random((2, 16, 16, 3)).astype(np.float32)
    model = residual_generator.residual_generator((4, 6, 8))
    before = residual_generator.total_variation(model(small, training=True))
    residual_generator.train(model, small, large, weight=10.0, steps=20)
    assert residual_generator.total_variation(model(small, training=True)) < 0.5 * before


def test_shapes_are_pictures_with_masks():
    pictures, masks = segmentation.make_shapes(5, 32, np.random.default_rng(0))
    again, _ = segmentation.make_shapes(5, 32, np.random.default_rng(0))
    assert pictures.shape == (5, 32, 32, 3)
    assert masks.shape == (5, 32, 32, 1)
    assert set(np.unique(masks)) == {0, 1}
    assert np.array_equal(pictures, again)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    inside, outside = pictures[masks[..., 0] == 1].mean(), pictures[masks[..., 0] == 0].mean()
    assert inside > outside + 0.3


def test_dice_of_known_masks():
    target = np.array([1, 1, 0, 0], np.float32).reshape(1, 2, 2, 1)
    output = np.array([1, 0, 1, 0], np.float32).reshape(1, 2, 2, 1)
    assert float(segmentation.dice_coefficient(target, output)) == pytest.approx((2 * 1 + 1) / (2 + 2 + 1))
    assert float(segmentation.dice_coefficient(target, target)) == 1
    assert float(segmentation.dice_coefficient(0 * target, 0 * target)) == 1
    assert float(segmentation.dice_loss(target, 1 - target)) == pytest.approx(1 - 1 / 5)


def test_dice_agrees_with_keras_on_large_masks(rng):
    target, output = rng.random((2, 3, 64, 64, 1)).astype(np.float32)
    theirs = np.mean(keras.losses.Dice(reduction=None, axis=(1, 2, 3))(target, output))
    assert float(segmentation.dice_loss(target, output)) == pytest.approx(theirs, abs=1e-3)


def test_segmentation_shapes():
    model = segmentation.segmentation_model()
    assert model.input_shape == (None, 64, 64, 3)
    assert model.output_shape == (None, 64, 64, 1)
    joined = next(layer for layer in model.layers if isinstance(layer, keras.layers.Concatenate))
    assert joined.output.shape == (None, 32, 32, 32)


def test_segmentation_learns():
    keras.utils.set_random_seed(0)
    pictures, masks = segmentation.make_shapes(32, 64, np.random.default_rng(0))
    model = segmentation.segmentation_model()
    losses = segmentation.train(
        model, keras.optimizers.Adadelta(1.0), pictures, masks, epochs=10, batch_size=8
    )["loss"]
    assert losses[-1] < losses[0] - 0.02


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


def test_unet_learns_and_can_be_saved(tmp_path):
    keras.utils.set_random_seed(0)
    pictures, masks = segmentation.make_shapes(8, 32, np.random.default_rng(0))
    model = unet.unet(width=4)
    losses = segmentation.train(model, keras.optimizers.Adam(3e-3), pictures, masks, epochs=8, batch_size=4)[
        "loss"
    ]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "unet.keras")
    loaded = keras.saving.load_model(tmp_path / "unet.keras", compile=False)
    assert np.allclose(model(pictures), loaded(pictures), atol=1e-6)


@pytest.fixture(scope="module")
def autoencoder():
    keras.utils.set_random_seed(0)
    crops = compressor.training_crops(32, 32, np.random.default_rng(0))
    model, losses = compressor.train(crops, epochs=4)
    assert losses[-1] < losses[0]
    return model, compressor.make_tables(model)


def test_autoencoder_has_the_layers_of_the_cnn_family(autoencoder):
    family = build_model("cnn")
    for ours, theirs in (
        (autoencoder[0].analysis, family.analysis),
        (autoencoder[0].synthesis, family.synthesis),
    ):
        assert layers_of(ours) == layers_of(theirs)
        assert [layer.filters for layer in ours.layers] == [layer.filters for layer in theirs.layers]


def test_stream_round_trip(autoencoder, rng):
    model, tables = autoencoder
    picture = rng.random((32, 48, 3)).astype(np.float32)
    stream = compressor.compress(model, tables, picture)
    symbols = np.round(model.latents(picture[None])).astype(np.int32)
    assert stream[:4] == bytes([0, 8, 0, 12])
    assert np.array_equal(compressor.decompress_symbols(tables, stream), symbols)
    expected = np.clip(model.decode(symbols.astype(np.float32))[0], 0, 1)
    assert compressor.decompress(model, tables, stream) == pytest.approx(expected, abs=1e-5)


def test_estimated_bits_agree_with_the_stream(autoencoder):
    model, tables = autoencoder
    picture = compressor.training_crops(1, 128, np.random.default_rng(5))[0]
    symbols = np.round(model.latents(picture[None]))
    estimated = float(np.sum(model.bits(symbols))) / 8
    assert len(compressor.compress(model, tables, picture)) == pytest.approx(estimated, rel=0.03, abs=8)


def test_tables_agree_with_the_density(autoencoder):
    model, tables = autoencoder
    channel, scale = 5, float(np.exp(model.log_scale[5]))
    frequencies = tables.frequencies(channel + 1)
    assert frequencies.sum() == 2**16
    zero = frequencies[tables.half_widths[channel + 1]] / 2**16
    assert zero == pytest.approx(np.tanh(1 / (4 * scale)), abs=2e-3)  # the logistic mass of -1/2 .. 1/2


@pytest.mark.parametrize("cut", [0, 3, 5])
def test_truncated_stream(autoencoder, cut):
    model, tables = autoencoder
    stream = compressor.compress(model, tables, np.zeros((16, 16, 3), np.float32))
    with pytest.raises(DemoError):
        compressor.decompress_symbols(tables, stream[:cut])
