"""From layers to bitstream

The lessons put together: Conv2D layers turn a picture into 32 maps at a quarter of its size, rounding turns
those into integers, a range coder turns integers into bytes, and Conv2DTranspose layers turn them back into a
picture. Training weighs bits against error; the bits that the loss estimates are the bytes that the file has.

Formula: loss = bits per pixel + weight * mean squared error. This is the codec's plain "cnn" family at one
quality. Reference: Balle, Laparra and Simoncelli, End-to-end optimized image compression, ICLR 2017,
arXiv 1611.01704.
"""

from __future__ import annotations

import struct

import keras
import numpy as np
from keras import layers, ops
from matplotlib.figure import Figure

from compressor.entropy.range_coder import SymbolDecoder, encode_symbols
from compressor.entropy.tables import ScaleTables, quantise_frequencies
from compressor.errors import CompressorError
from compressor.layers import add_uniform_noise, logistic_bits, round_with_dead_zone, straight_through
from demos.common import Context, DemoError, psnr, shape
from demos.drawing import Panel, draw_lines, draw_panels

CHANNELS, DOWN = 32, 4
WEIGHT = 600.0  # bits per pixel that a mean squared error of 1 (black for white) is worth
HEADER = struct.Struct(">HH")


class Autoencoder(keras.Model):
    """Analysis, quantisation with a factorised prior, synthesis: (N, H, W, 3) in 0..1 to the same.

    H and W are divisible by 4. The rate in bits per pixel is added to the loss.
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
        # One width of the logistic density per channel is the whole prior. The gain makes a rounding step
        # small against the untrained latents, so that training starts with a picture; the narrow
        # densities make it start cheap.
        self.log_scale = self.add_weight(
            shape=(CHANNELS,), initializer=keras.initializers.Constant(-1.5), name="log_scale"
        )
        self.log_gain = self.add_weight(shape=(CHANNELS,), initializer="ones", name="log_gain")
        self.noise = keras.random.SeedGenerator(0)

    def latents(self, images: object) -> object:
        """(N, H, W, 3) to real numbers (N, H/4, W/4, 32), in units of the rounding step."""
        return self.analysis(images - 0.5) * ops.exp(self.log_gain)

    def decode(self, symbols: object) -> object:
        """Rounded latents to pictures, not clipped."""
        return self.synthesis(symbols * ops.exp(-self.log_gain)) + 0.5

    def bits(self, latents: object) -> object:
        """Estimated bits of every latent, from the probability of the unit interval around it."""
        return logistic_bits(latents, ops.exp(self.log_scale))

    def call(self, images: object, training: bool = False) -> object:
        """Pictures as a decoder would show them; adds the rate to the losses."""
        latents = self.latents(images)
        symbols = straight_through(latents, round_with_dead_zone(latents))
        # Rounding has no slope; noise as wide as a rounding step has the same rate on average, and one.
        rate = self.bits(add_uniform_noise(latents, self.noise) if training else symbols)
        _, height, width, _ = ops.shape(images)
        self.add_loss(ops.mean(ops.sum(rate, axis=(1, 2, 3))) / (height * width))
        return self.decode(symbols)


def make_tables(model: Autoencoder) -> ScaleTables:
    """Freeze the prior into integer frequencies, one table per channel: these ship with the model.

    The coder must never read a float: another machine could round it otherwise, and decode noise.
    """
    scales = np.exp(ops.convert_to_numpy(model.log_scale)).astype(np.float64)
    half_widths = np.concatenate([[0], np.ceil(8 * scales) + 1]).astype(np.int32)
    frequencies = []
    for half_width, scale in zip(half_widths[1:], scales, strict=True):
        edges = 1 / (1 + np.exp((np.arange(half_width + 2) - 0.5) / scale))  # P(symbol > k - 1/2)
        frequencies.append(quantise_frequencies(np.append(edges[:-1] - edges[1:], 2 * edges[-1])))
    return ScaleTables(np.concatenate(frequencies), half_widths)


def table_of_each(height: int, width: int) -> np.ndarray:
    """Which table codes which symbol, uint8 (height * width * 32,): the channel, counted from 1."""
    return np.tile(np.arange(1, CHANNELS + 1, dtype=np.uint8), height * width)


def compress(model: Autoencoder, tables: ScaleTables, image: np.ndarray) -> bytes:
    """Picture (H, W, 3) in 0..1, sides divisible by 4, to a stream: four bytes of size, then symbols."""
    symbols = np.round(ops.convert_to_numpy(model.latents(image[None]))).astype(np.int32)
    _, height, width, _ = symbols.shape
    return HEADER.pack(height, width) + encode_symbols(
        tables, [(symbols.ravel(), table_of_each(height, width))]
    )


def decompress_symbols(tables: ScaleTables, stream: bytes) -> np.ndarray:
    """The integers that `compress` wrote, (1, H/4, W/4, 32)."""
    if len(stream) < HEADER.size:
        raise DemoError(f"a stream starts with {HEADER.size} bytes of size, received {len(stream)}")
    height, width = HEADER.unpack_from(stream)
    try:
        symbols = SymbolDecoder(tables, stream[HEADER.size :]).get(table_of_each(height, width))
    except CompressorError as error:
        raise DemoError(str(error)) from error
    return symbols.reshape(1, height, width, CHANNELS)


def decompress(model: Autoencoder, tables: ScaleTables, stream: bytes) -> np.ndarray:
    """A stream back to a picture (H, W, 3) in 0..1."""
    pictures = model.decode(decompress_symbols(tables, stream).astype(np.float32))
    return ops.convert_to_numpy(pictures)[0].clip(0, 1)


def training_crops(count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Random crops (count, size, size, 3) of two photographs that are not the one to be compressed."""
    from skimage import data

    photos = [data.coffee(), data.chelsea()]
    crops = []
    for index in range(count):
        photo = photos[index % len(photos)]
        row, column = (rng.integers(n - size) for n in photo.shape[:2])
        crops.append(photo[row : row + size, column : column + size])
    return np.stack(crops).astype(np.float32) / 255


def train(crops: np.ndarray, epochs: int) -> tuple[Autoencoder, list[float]]:
    """Minimise rate + WEIGHT * distortion; return the model and the loss of every epoch."""
    model = Autoencoder()

    def distortion(target: object, output: object) -> object:
        return WEIGHT * ops.mean((target - output) ** 2)

    model.compile(keras.optimizers.Adam(3e-3), distortion)
    history = model.fit(crops, crops, batch_size=8, epochs=epochs, verbose=0)
    return model, history.history["loss"]


def run(context: Context) -> None:
    """Train for some seconds, write a stream to disk, read it back, and count its bytes."""
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
        "the decoder reads the very integers that the encoder wrote",
        np.array_equal(decompress_symbols(tables, stream), symbols),
    )
    estimated = float(ops.sum(model.bits(symbols.astype(np.float32)))) / 8
    num_bytes, raw = len(stream), picture.size
    bpp = 8 * num_bytes / (raw / 3)
    context.say(f"{raw} bytes raw, {num_bytes} in the file: {bpp:.2f} bpp, {psnr(picture, decoded):.2f} dB")
    context.check(
        f"the estimate of {estimated:.0f} bytes is within 2 %", abs(num_bytes / estimated - 1) < 0.02
    )
    context.say(
        "What is missing to the codec: a prior that looks around, any quality and size, checksums, training."
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
