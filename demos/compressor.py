"""From layers to bitstream

The lessons combined: Conv2D layers turn a picture into 32 maps at a quarter of its size, rounding turns these
into integers, a range coder turns integers into bytes, and Conv2DTranspose layers restore a picture. Training
weighs bits against error, and the estimated bits agree with the size of the file.

Formula: loss = bits per pixel + weight * mean squared error. This is the codec's plain "cnn" family at one
quality. Reference: Balle, Laparra and Simoncelli, End-to-end optimized image compression, ICLR 2017,
arXiv 1611.01704.
"""

import struct

import keras
import numpy as np
from keras import layers, ops
from matplotlib.figure import Figure

from compressor.entropy.range_coder import SymbolDecoder, encode_pairs
from compressor.entropy.tables import ScaleTables, quantise_frequencies
from compressor.errors import CompressorError
from compressor.layers import logistic_bits, straight_through
from demos.checks import shape
from demos.context import Context
from demos.drawing import Panel, draw_lines, draw_panels
from demos.errors import DemoError
from eval.metrics import float_psnr_db

CHANNELS, DOWN = 32, 4
WEIGHT = 600.0  # weight of the mean squared error in the loss, in bits per pixel
HEADER = struct.Struct(">HH")


class Autoencoder(keras.Model):
    """Analysis, quantisation with a factorised prior, and synthesis.

    Maps (N, H, W, 3) in 0..1 to the same shape, H and W divisible by 4, and adds the rate in bits per pixel
    to the loss.

    Reference:
        Balle, Laparra and Simoncelli, End-to-end optimized image compression, 2017, arXiv 1611.01704.
    """

    def __init__(self) -> None:
        super().__init__()
        conv, up = layers.Conv2D, layers.Conv2DTranspose
        self.analysis = keras.Sequential(
            [conv(64, 5, 2, "same", activation="relu"), conv(CHANNELS, 5, 2, "same")], name="analysis"
        )
        self.synthesis = keras.Sequential(
            [up(64, 5, 2, "same", activation="relu"), up(3, 5, 2, "same")], name="synthesis"
        )
        # The prior is a logistic density per channel. Initially, the gain makes the rounding step small
        # compared with the latents, so that pictures are recognisable, and narrow densities keep rates low.
        self.log_scale = self.add_weight(
            shape=(CHANNELS,), initializer=keras.initializers.Constant(-1.5), name="log_scale"
        )
        self.log_gain = self.add_weight(shape=(CHANNELS,), initializer="ones", name="log_gain")
        self.noise = keras.random.SeedGenerator(0)

    def latents(self, images):
        """Transform (N, H, W, 3) to latents (N, H/4, W/4, 32), in units of the rounding step."""
        return self.analysis(images - 0.5) * ops.exp(self.log_gain)

    def decode(self, symbols):
        """Transform rounded latents to pictures, not clipped."""
        return self.synthesis(symbols * ops.exp(-self.log_gain)) + 0.5

    def bits(self, latents):
        """Estimate the bits of each latent from the probability of the unit interval around it."""
        return logistic_bits(latents, ops.exp(self.log_scale))

    def call(self, images, training: bool = False):
        """Return the decoded pictures, and add the rate to the losses."""
        latents = self.latents(images)
        symbols = straight_through(latents, ops.round(latents))
        # The gradient of rounding is zero. Uniform noise one step wide has a gradient, and on average the
        # same rate.
        noise = keras.random.uniform(ops.shape(latents), -0.5, 0.5, seed=self.noise)
        rate = self.bits(latents + noise if training else symbols)
        _, height, width, _ = ops.shape(images)
        self.add_loss(ops.mean(ops.sum(rate, axis=(1, 2, 3))) / (height * width))
        return self.decode(symbols)


def make_tables(model: Autoencoder) -> ScaleTables:
    """Convert the prior to integer frequencies, one table per channel.

    The coder must not use floats: on another machine they may be rounded differently, and the stream would
    decode to noise.
    """
    scales = np.exp(ops.convert_to_numpy(model.log_scale)).astype(np.float64)
    half_widths = np.concatenate([[0], np.ceil(8 * scales) + 1]).astype(np.int32)
    frequencies = []
    for half_width, scale in zip(half_widths[1:], scales, strict=True):
        edges = 1 / (1 + np.exp((np.arange(half_width + 2) - 0.5) / scale))  # P(symbol > k - 1/2)
        frequencies.append(quantise_frequencies(np.append(edges[:-1] - edges[1:], 2 * edges[-1])))
    return ScaleTables(np.concatenate(frequencies), half_widths)


def table_of_each(height: int, width: int) -> np.ndarray:
    """Return the table of each symbol: its channel, counted from 1.

    Args:
        height, width: size of the latents.

    Returns:
        uint8 (height * width * 32,).
    """
    return np.tile(np.arange(1, CHANNELS + 1, dtype=np.uint8), height * width)


def compress(model: Autoencoder, tables: ScaleTables, image: np.ndarray) -> bytes:
    """Encode a picture.

    Args:
        model: a trained model.
        tables: the model's tables, from `make_tables`.
        image: float32 (H, W, 3) in 0..1, sides divisible by 4.

    Returns:
        A stream of four bytes with the size of the latents, followed by the coded symbols.
    """
    symbols = np.round(ops.convert_to_numpy(model.latents(image[None]))).astype(np.int32)
    _, height, width, _ = symbols.shape
    return HEADER.pack(height, width) + encode_pairs(
        tables, [(symbols.ravel(), table_of_each(height, width))]
    )


def decompress_symbols(tables: ScaleTables, stream: bytes) -> np.ndarray:
    """Decode the symbols of a stream, int32 (1, H/4, W/4, 32).

    Raises:
        DemoError: the stream is damaged.
    """
    if len(stream) < HEADER.size:
        raise DemoError(f"a stream starts with {HEADER.size} bytes of size, received {len(stream)}")
    height, width = HEADER.unpack_from(stream)
    try:
        symbols = SymbolDecoder(tables, stream[HEADER.size :]).get(table_of_each(height, width))
    except CompressorError as error:
        raise DemoError(str(error)) from error
    return symbols.reshape(1, height, width, CHANNELS)


def decompress(model: Autoencoder, tables: ScaleTables, stream: bytes) -> np.ndarray:
    """Decode a stream to a picture, float32 (H, W, 3) in 0..1.

    Raises:
        DemoError: the stream is damaged.
    """
    pictures = model.decode(decompress_symbols(tables, stream).astype(np.float32))
    return ops.convert_to_numpy(pictures)[0].clip(0, 1)


def training_crops(count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Cut random crops, float32 (count, size, size, 3) in 0..1, from two photographs of scikit-image."""
    from skimage import data

    photos = [data.coffee(), data.chelsea()]
    crops = []
    for index in range(count):
        photo = photos[index % len(photos)]
        row, column = (rng.integers(n - size) for n in photo.shape[:2])
        crops.append(photo[row : row + size, column : column + size])
    return np.stack(crops).astype(np.float32) / 255


def train(crops: np.ndarray, epochs: int) -> tuple[Autoencoder, list[float]]:
    """Minimise rate + WEIGHT * distortion, and return the model and the loss of every epoch."""
    model = Autoencoder()

    def distortion(target, output):
        return WEIGHT * ops.mean((target - output) ** 2)

    model.compile(keras.optimizers.Adam(3e-3), distortion)
    history = model.fit(crops, crops, batch_size=8, epochs=epochs, verbose=0)
    return model, history.history["loss"]


def run(context: Context) -> None:
    """Train for a few seconds, write a stream to disk, read it and compare its size with the estimate."""
    model, losses = train(training_crops(512, 32, context.rng), epochs=12)
    context.check(f"loss falls from {losses[0]:.2f} to {losses[-1]:.2f}", losses[-1] < losses[0])
    tables = make_tables(model)
    picture = context.colour((256, 256))
    latents = model.latents(picture[None])
    symbols = np.round(ops.convert_to_numpy(latents)).astype(np.int32)
    context.say(
        f"picture {shape(picture)} to latents {shape(latents)}, {np.mean(symbols == 0):.0%} round to 0"
    )

    context.out.mkdir(parents=True, exist_ok=True)
    path = context.out / "compressor.bin"
    path.write_bytes(compress(model, tables, picture))
    stream = path.read_bytes()
    decoded = decompress(model, tables, stream)
    context.check(
        "decoded symbols equal the encoded ones",
        np.array_equal(decompress_symbols(tables, stream), symbols),
    )
    estimated = float(ops.sum(model.bits(symbols.astype(np.float32)))) / 8
    num_bytes, raw = len(stream), picture.size
    bpp = 8 * num_bytes / (raw / 3)
    psnr_db = float_psnr_db(picture, decoded, peak=1)
    context.say(f"{raw} bytes raw, {num_bytes} in the file: {bpp:.2f} bpp, {psnr_db:.2f} dB")
    context.check_on_sample(
        f"the estimate of {estimated:.0f} bytes is within 2 %", abs(num_bytes / estimated - 1) < 0.02
    )
    context.say(
        "The real codec adds a context model, variable quality, any size, checksums and more training."
    )
    context.save(
        draw_panels(
            [
                Panel("picture", picture),
                Panel(
                    "one map of symbols", symbols[0, :, :, int(np.argmax(symbols.std((0, 1, 2))))], "signed"
                ),
                Panel(f"decoded from {num_bytes} bytes", decoded),
                Panel("error", decoded.mean(-1) - picture.mean(-1), "signed"),
            ],
            size=2.8,
        ),
        "A picture, the strongest map of its symbols, the picture decoded from the stream, and the error.",
    )
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    draw_lines(figure.subplots(), {"rate + weight * distortion": losses}, "epoch", "loss")
    context.save(figure, "The loss over the epochs.")
