"""A decoder of .cmpr files written from FORMAT.md alone; it proves that the document is complete.

It imports nothing from `compressor`, nor the library of its range coder: only plain Python, NumPy integers,
ONNX Runtime for the float graphs, and Pillow for PNG and WebP. It is slow, and decodes the
whole picture at once. Its parts follow the headings of FORMAT.md.
"""

import io
import json
import math
import struct
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

MAX_PIXELS = 178_956_970
TILE, STORED_TILE, MAP_REGION = 128, 2048, 64
SECTIONS = {"icc": 0x01, "exif": 0x02, "xmp": 0x04, "alpha": 0x08, "stored": 0x20, "map": 0x40}
PRECISION, PIXEL_OFFSET, INDEX_BITS = 24, 128, 16
WORD, STATE = 1 << 32, 1 << 64


# Header and sections


def read_varint(data, offset, minimum=0):
    """Return a varint and the offset after it."""
    value = 0
    for position in range(5):
        if offset + position >= len(data):
            raise ValueError("truncated")
        byte = data[offset + position]
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            if (position and not byte) or not minimum <= value < 1 << 31:
                raise ValueError("bad varint")
            return value, offset + position + 1
    raise ValueError("bad varint")


@dataclass
class File:
    """The parts of a file."""

    model_id: int
    level: int
    width: int
    height: int
    gray: bool
    sections: dict[str | int, bytes]


def read_file(data):
    """Take a file apart and check it."""
    if data[:4] != b"CMPR":
        raise ValueError("bad magic")
    if len(data) < 6:
        raise ValueError("truncated")
    version, model_id = data[4:6]
    if version != 1:
        raise ValueError("unsupported")
    flags, offset = read_varint(data, 6)
    skipped = [bit for bit in range(14, 21) if flags >> bit & 1]
    if flags & ~(0x7F | sum(1 << bit for bit in skipped)):
        raise ValueError("unsupported")
    if len(data) < offset + 2:
        raise ValueError("truncated")
    (level,) = struct.unpack_from("<H", data, offset)
    if level > 396:
        raise ValueError("bad level")
    width, offset = read_varint(data, offset + 2, 1)
    height, offset = read_varint(data, offset, 1)
    covered, sections = data[:offset], {}
    for name in (*(name for name, flag in SECTIONS.items() if flags & flag), *skipped, "picture"):
        length, start = read_varint(data, offset, int(name != "picture"))
        end = start + length
        if end + 4 > len(data):
            raise ValueError("truncated")
        covered += data[offset:end]
        if struct.unpack_from("<I", data, end)[0] != zlib.crc32(covered):
            raise ValueError("bad checksum")
        sections[name] = data[start:end]
        offset = end + 4
    if offset != len(data):
        raise ValueError("trailing bytes")
    if width * height > MAX_PIXELS or max(width, 16) * max(height, 16) > max(MAX_PIXELS, 1 << 20):
        raise ValueError("too large")
    return File(model_id, level, width, height, bool(flags & 0x10), sections)


def read_alpha(payload, width, height):
    """Return the alpha channel (height, width)."""
    if len(payload) == 1:
        return np.full((height, width), payload[0], np.uint8)
    png = Image.open(io.BytesIO(payload), formats=["PNG"])
    if png.mode != "L" or png.size != (width, height):
        raise ValueError("bad alpha")
    return np.asarray(png)


def split_tiles(payload, count):
    """Return the data of each tile of a payload."""
    offset, parts = 0, []
    for _ in range(count - 1):
        length, start = read_varint(payload, offset)
        offset = start + length
        if offset > len(payload):
            raise ValueError("bad tile length")
        parts.append(payload[start:offset])
    return [*parts, payload[offset:]]


def read_stored(payload, height, width):
    """Return stored pixels (height, width, 3), and where they are, (height, width)."""
    image, stored = np.zeros((height, width, 3), np.int64), np.zeros((height, width), bool)
    corners = [(top, left) for top in range(0, height, STORED_TILE) for left in range(0, width, STORED_TILE)]
    for (top, left), data in zip(corners, split_tiles(payload, len(corners)), strict=True):
        if not data:
            continue
        tile = np.s_[top : top + STORED_TILE, left : left + STORED_TILE]
        webp = Image.open(io.BytesIO(data), formats=["WEBP"])
        if data[12:16] != b"VP8L" or webp.size != image[tile].shape[1::-1]:
            raise ValueError("bad stored pixels")
        rgba = np.asarray(webp.convert("RGBA"))
        image[tile], stored[tile] = rgba[:, :, :3], rgba[:, :, 3] == 255
    return image, stored


def read_levels(file, block):
    """Return the level of each position of the grid of latents."""
    rows, columns = -(-file.height // block), -(-file.width // block)
    if "map" not in file.sections:
        return np.full((rows, columns), file.level)
    shape = -(-file.height // MAP_REGION), -(-file.width // MAP_REGION)
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(file.sections["map"], math.prod(shape) + 1)
    except zlib.error as error:
        raise ValueError("bad quality map") from error
    if len(data) != math.prod(shape) or not inflate.eof or inflate.unused_data:
        raise ValueError("bad quality map")
    lowering = np.frombuffer(data, np.uint8).reshape(shape).astype(np.int64)
    factor = MAP_REGION // block
    lowered = interpolated(lowering, factor)[:rows, :columns] // (4 * factor * factor)
    return np.maximum(file.level - lowered, 0)


def interpolated(values, factor):
    """(R, C) -> (factor R, factor C), times 4 factor ** 2."""
    for _ in range(2):
        t = 2 * np.arange(factor * len(values)) + 1 - factor
        k, p = t // (2 * factor), (t % (2 * factor))[:, None]
        first, second = (np.clip(row, 0, len(values) - 1) for row in (k, k + 1))
        values = ((2 * factor - p) * values[first] + p * values[second]).T
    return values


# Models


@dataclass
class Model:
    """A model's folder."""

    folder: Path

    @cached_property
    def manifest(self):
        return json.loads((self.folder / "manifest.json").read_text())

    @property
    def numbers(self):
        return self.manifest["numbers"]

    @cached_property
    def entropy(self):
        with np.load(self.folder / "entropy.npz") as arrays:
            kinds = {name: np.float32 if name.endswith("_scale") else np.int64 for name in arrays}
            return {name: arrays[name].astype(kind) for name, kind in kinds.items()}

    @cached_property
    def gains(self):
        with np.load(self.folder / "gains.npz") as arrays:
            return dict(arrays)

    def run(self, graph, *inputs):
        """Evaluate a float graph; inputs (N, H, W, C) are called x0, x1, ..."""
        session = onnxruntime.InferenceSession(
            str(self.folder / f"{graph}.onnx"), providers=["CPUExecutionProvider"]
        )
        return session.run(["y"], {f"x{k}": x.astype(np.float32) for k, x in enumerate(inputs)})[0]


def knots_int(values, levels):
    """Interpolate integers (knots, outputs) at levels (H, W), (H, W, outputs)."""
    if len(values) == 1:
        return values[0]
    k, part = levels // 99, (levels % 99)[..., None]
    return (values[k] * (99 - part) + values[np.minimum(k + 1, len(values) - 1)] * part) // 99


def fine(model, levels):
    """Split levels into those that networks see, the number of levels above them, and the reciprocal."""
    seen = np.minimum(levels, model.numbers.get("highest_seen_level", 396))
    reciprocal = np.rint(65536 * (0.06 / 128) ** ((levels - seen) / 126)).astype(np.int64)
    return seen, levels - seen, reciprocal


def knots_float(values, levels):
    """Interpolate floats (knots, outputs) at levels (H, W), (H, W, outputs)."""
    k, part = levels // 99, (levels % 99)[..., None]
    return values[k] + (values[np.minimum(k + 1, len(values) - 1)] - values[k]) * (part / 99)


# Range coder


class RangeDecoder:
    """Reads letters from little-endian 32-bit words."""

    def __init__(self, data):
        if len(data) % 4:
            raise ValueError("not whole words")
        self._words = iter(struct.unpack(f"<{len(data) // 4}I", data))
        self._lower, self._range = 0, STATE - 1
        self._point = self._word() * WORD
        self._point += self._word()

    def _word(self):
        return next(self._words, 0)

    def _position(self):
        position = (self._point - self._lower) % STATE // (self._range >> PRECISION)
        if position >= 1 << PRECISION:
            raise ValueError("damaged")
        return position

    def _take(self, start, end):
        scale = self._range >> PRECISION
        self._lower = (self._lower + scale * start) % STATE
        self._range = scale * (end - start)
        if self._range < WORD:
            self._lower = self._lower * WORD % STATE
            self._range *= WORD
            self._point = (self._point * WORD + self._word()) % STATE

    def letter(self, starts):
        """Return the next letter; starts are those of the letters' intervals, and 2**24."""
        letter = bisect_right(starts, self._position()) - 1
        self._take(starts[letter], starts[letter + 1])
        return letter

    def uniform(self, size):
        """Return one of `size` equally likely numbers."""
        width = (1 << PRECISION) // size
        number = min(self._position() // width, size - 1)
        self._take(width * number, 1 << PRECISION if number == size - 1 else width * (number + 1))
        return number


def table_starts(frequencies):
    """Return the starts of the intervals of a table's letters, and 2**24."""
    starts, total = [], 0
    for letter, frequency in enumerate(frequencies):
        product = total * ((1 << PRECISION) - len(frequencies))
        # To 24 significant bits, halves to even.
        places = max(0, product.bit_length() - 24)
        quotient, rest = divmod(product, 1 << places)
        half = (1 << places) // 2
        quotient += places > 0 and (rest > half or (rest == half and quotient % 2 == 1))
        starts.append((quotient << places) // 65536 + letter)
        total += frequency
    return [*starts, 1 << PRECISION]


# Boosts

REGION, BOOST_STEP, BOOST_MAX, BOOST_INDEX, TOP_INDEX = 4, 4, 15, 1, 63


def read_boosts(reader, height, width, coded):
    """Return by how much scale indices rise, (height, width, 1); append the group of boosts to `coded`."""
    boosts = reader.array(np.full((-(-height // REGION), -(-width // REGION)), BOOST_INDEX))
    coded.append(boosts)
    lift = BOOST_STEP * np.clip(boosts, 0, BOOST_MAX)
    return lift.repeat(REGION, axis=0).repeat(REGION, axis=1)[:height, :width, None]


# Symbols


class SymbolReader:
    """Reads groups of symbols from a tile's bytes."""

    def __init__(self, model, data):
        self._widths = [int(k) for k in model.entropy["half_widths"]]
        self._stored = [int(f) for f in model.entropy["frequencies"]]
        self._coder = RangeDecoder(data)
        self._bits_left = 1.01 * 8 * len(data) + 64
        self._tables = {}

    def _table(self, index):
        if index not in self._tables:
            first = sum(k + 2 for k in self._widths[1:index])
            width = self._widths[index]
            half, escape = self._stored[first : first + width + 1], self._stored[first + width + 1]
            frequencies = [*half[:0:-1], *half, escape]
            self._tables[index] = frequencies, table_starts(frequencies)
        return self._tables[index]

    def group(self, indices):
        """Return the symbols of a group, in the order of its scale indices, a flat list."""
        symbols, escapes = [0] * len(indices), []
        for index in sorted(set(indices) - {0}):
            width, (frequencies, starts) = self._widths[index], self._table(index)
            places = [place for place, own in enumerate(indices) if own == index]
            for place in places:
                letter = self._coder.letter(starts)
                self._count(16 - math.log2(frequencies[letter]))
                symbols[place] = letter - width
                if symbols[place] > width:
                    escapes.append((place, width))
        for place, width in escapes:
            symbols[place] = self._escape(width)
        return symbols

    def _escape(self, width):
        negative = self._uniform(2)
        bits = self._uniform(20)
        excess = (1 << bits) + (self._uniform(1 << bits) if bits else 0)
        return -(width + excess) if negative else width + excess

    def _uniform(self, size):
        self._count(math.log2(size))
        return self._coder.uniform(size)

    def _count(self, bits):
        self._bits_left -= bits
        if self._bits_left < 0:
            raise ValueError("more symbols than data")

    def array(self, indices):
        """Return the symbols of a group of any shape."""
        return np.array(self.group(indices.ravel().tolist()), np.int64).reshape(indices.shape)


# The flagship


def layer(model, name, x, levels, maximum):
    """Apply an integer layer to (H, W, inputs)."""
    sums = x @ model.entropy[f"{name}_matrix"] + knots_int(model.entropy[f"{name}_bias"], levels)
    scaled = np.floor(sums.astype(np.float32) * model.entropy[f"{name}_scale"])
    return np.clip(scaled, 0, maximum).astype(np.int64)


def zero_padded(x, kernel):
    p = kernel // 2
    return np.pad(x, ((p, p), (p, p), (0, 0)))


def neighbourhoods(x, kernel):
    """(H, W, C) -> (H, W, kernel * kernel * C): row by row, then column, then channel."""
    height, width, _ = x.shape
    padded = zero_padded(x, kernel)
    offsets = [(i, j) for i in range(kernel) for j in range(kernel)]
    return np.concatenate([padded[i : i + height, j : j + width] for i, j in offsets], axis=2)


def depth_to_space(x):
    """(H, W, 4 C) -> (2 H, 2 W, C)."""
    height, width, depth = x.shape
    y = np.zeros((2 * height, 2 * width, depth // 4), x.dtype)
    for i in range(2):
        for j in range(2):
            first = (2 * i + j) * (depth // 4)
            y[i::2, j::2] = x[:, :, first : first + depth // 4]
    return y


def quality(levels):
    return (2 * levels / 396 - 1).astype(np.float32)


def read_flagship_tile(model, data, levels, coded):
    """Return the latents (height, width, C) of a tile; append its groups of symbols to `coded`."""
    height, width = levels.shape
    numbers, passes = model.numbers, model.manifest["passes"]
    stride, side_max = numbers["side_stride"], numbers["side_max"]
    activation_max = numbers["activation_max"]
    reader = SymbolReader(model, data)

    side_index = model.entropy["side_index"]
    side_shape = (-(-height // stride), -(-width // stride), len(side_index))
    side = reader.array(np.broadcast_to(side_index, side_shape))
    coded.append(side)
    side = np.clip(side, -side_max, side_max)
    lift_inside = read_boosts(reader, height, width, coded)

    rows, columns = stride * side.shape[0], stride * side.shape[1]
    levels = np.pad(levels, ((0, rows - height), (0, columns - width)), mode="edge")
    levels, number, reciprocal = fine(model, levels)
    shift, reciprocal = (number[:, :, None] + 1) // 2, reciprocal[:, :, None]
    fineness = 65536 / reciprocal
    side_levels = levels[stride // 2 :: stride, stride // 2 :: stride]

    scale_features = side
    for k in range(2):
        around = neighbourhoods(scale_features, 3)
        scale_features = depth_to_space(layer(model, f"hyper_{k}", around, side_levels, activation_max))
    steps = np.concatenate([side / numbers["side_steps"], quality(side_levels)[:, :, None]], axis=2)
    mean_features = model.run("hyper_mean", steps[None])[0]

    log_gain = knots_float(model.gains["log_gain"], levels)
    expected = (fineness * model.gains["magnitude"] * np.exp(log_gain)).astype(np.float32)
    shrunk = np.exp(knots_float(model.gains["log_inverse_gain"], levels))
    ratio = shrunk / (fineness * inverse_gain(model, levels, fineness))
    mean_unit = (expected * ratio**2).astype(np.float32)
    near_unit = np.maximum(expected, (fineness * numbers["near_floor"]).astype(np.float32))
    codes_of = model.entropy["magnitude_codes"]

    latents = np.zeros(expected.shape, np.float32)
    codes, near = np.zeros(latents.shape, np.int64), np.zeros(latents.shape, np.float32)
    inside = np.zeros((rows, columns, 1), np.int64)
    inside[:height, :width] = 1
    lift = np.zeros((rows, columns, 1), np.int64)
    lift[:height, :width] = lift_inside

    for k, p in enumerate(passes):
        low, high, seen, kernel, spacing = (p[n] for n in ("low", "high", "seen", "kernel", "spacing"))
        step, cells = (1, [(0, 0)]) if len(p["cells"]) == 4 else (2, p["cells"])
        views = [np.s_[spacing * r :: spacing * step, spacing * c :: spacing * step] for r, c in cells]
        inputs, indices = [], []
        for (r, c), view in zip(cells, views, strict=True):
            x, of_view = scale_features[view], [mean_features[view]]
            if seen:
                around = neighbourhoods(codes[::spacing, ::spacing, :seen], kernel)[r::step, c::step]
                x = np.concatenate([around, x], axis=2)
                window = zero_padded(near[::spacing, ::spacing, :seen], kernel)
                bottom, right = (n - step + 1 for n in window.shape[:2])
                of_view.insert(0, window[r : r + bottom, c : c + right])
            inputs.append(of_view)
            for i in range(3):
                maximum = TOP_INDEX if i == 2 else activation_max
                x = layer(model, f"context_{k}_{i}", x, levels[view], maximum)
            lag = np.where(x > 0, 0, np.minimum(shift[view], 4))
            x = np.minimum(x + shift[view] - lag, TOP_INDEX) * inside[view]
            indices.append(np.minimum(x + lift[view], TOP_INDEX))
        outputs = model.run(f"mean_{k}", *map(np.stack, zip(*inputs, strict=True)))
        means = [mean_unit[view][:, :, low:high] * y for view, y in zip(views, outputs, strict=True)]
        symbols = reader.array(np.stack(indices))
        coded.append(symbols)
        for view, mean, own in zip(views, means, symbols, strict=True):
            latents[view][:, :, low:high] = values = mean + own
            coarse = (np.abs(own) * reciprocal[view] + 32768) // 65536
            codes[view][:, :, low:high] = codes_of[np.minimum(coarse, len(codes_of) - 1)]
            near[view][:, :, low:high] = np.arcsinh(values / near_unit[view][:, :, low:high])
    return latents[:height, :width]


def inverse_gain(model, levels, fineness):
    """Return the factors from latents to coefficients; `levels` are the seen levels."""
    full = np.exp(-knots_float(model.gains["log_gain"], levels))
    shrunk = np.exp(knots_float(model.gains["log_inverse_gain"], levels))
    return ((1 - 1 / fineness) * full + shrunk / fineness) / fineness


def flagship_pixels(model, latents, levels):
    """Return pixels (16 h, 16 w, 3) in 8-bit levels, neither rounded nor clipped."""
    numbers, block = model.numbers, model.numbers["block"]
    levels, _, reciprocal = fine(model, levels)
    fineness = 65536 / reciprocal[:, :, None]
    y = model.run("synthesis", (latents * inverse_gain(model, levels, fineness))[None])
    if "filter.onnx" not in model.manifest["files"]:
        return y[0] + PIXEL_OFFSET
    step = np.exp(knots_float(model.gains["log_step"], levels) / 2)
    amplitude = (numbers["filter_amplitude"] * step / fineness)[:, :, 0]
    planes = [interpolated(x, block) / (4 * block * block) for x in (quality(levels), amplitude)]
    change = model.run("filter", y, planes[0][None, :, :, None])[0]
    return y[0] + planes[1][:, :, None] * change + PIXEL_OFFSET


# The cnn family


def read_cnn_tile(model, data, levels, coded):
    """Return the latents (height, width, C) of a tile; append its group of symbols to `coded`."""
    index = knots_int(model.entropy["bias"], levels) >> INDEX_BITS
    index = np.clip(index, 0, TOP_INDEX)
    reader = SymbolReader(model, data)
    lift = read_boosts(reader, *levels.shape, coded)
    symbols = reader.array(np.minimum(index + lift, TOP_INDEX))
    coded.append(symbols)
    return symbols.astype(np.float32)


def cnn_pixels(model, latents, levels):
    """Return pixels (4 h, 4 w, 3) in 8-bit levels, neither rounded nor clipped."""
    coefficients = latents * np.exp(knots_float(model.gains["log_inverse_gain"], levels))
    y = model.run("synthesis", coefficients[None])[0]
    return y * model.numbers["pixel_scale"] + PIXEL_OFFSET


# Picture


FAMILIES = {"flagship": (read_flagship_tile, flagship_pixels), "cnn": (read_cnn_tile, cnn_pixels)}


def read_picture(file, model, coded):
    """Return the pixels of the picture section, (height, width, 3); append its symbols to `coded`."""
    read_tile, pixels_of = FAMILIES[model.manifest["family"]]
    levels = read_levels(file, model.numbers["block"])
    rows, columns = levels.shape
    corners = [(top, left) for top in range(0, rows, TILE) for left in range(0, columns, TILE)]

    parts = split_tiles(file.sections["picture"], len(corners))
    latents = np.zeros((rows, columns, model.gains["log_gain"].shape[1]), np.float32)
    for (top, left), part in zip(corners, parts, strict=True):
        tile = np.s_[top : top + TILE, left : left + TILE]
        latents[tile] = read_tile(model, part, levels[tile], coded)

    pixels = pixels_of(model, latents, levels)[: file.height, : file.width]
    return np.nan_to_num(np.clip(np.rint(pixels), 0, 255)).astype(np.int64)


def find_model(weights, model_id):
    """Return the model with an id among the folders below `weights`."""
    for path in sorted(Path(weights).glob("*/manifest.json")):
        model = Model(path.parent)
        if model.manifest["model_id"] == model_id:
            return model
    raise ValueError("unknown model")


def decode(data, weights):
    """Decode a file.

    Args:
        data: the content of a .cmpr file.
        weights: folder of the models' folders.

    Returns:
        Pixels uint8, (H, W) for gray or else (H, W, channels), and the groups of symbols in coding order.

    Raises:
        ValueError: if the file is damaged or not supported.
    """
    file = read_file(data)
    model = find_model(weights, file.model_id)
    alpha = None
    if "alpha" in file.sections:
        alpha = read_alpha(file.sections["alpha"], file.width, file.height)
    coded = []
    if "stored" in file.sections:
        image, stored = read_stored(file.sections["stored"], file.height, file.width)
        if not stored.all():
            image = np.where(stored[:, :, None], image, read_picture(file, model, coded))
    else:
        image = read_picture(file, model, coded)
    if file.gray:
        image = (image.sum(axis=2, keepdims=True) + 1) // 3
    if alpha is not None:
        image = np.concatenate([image, alpha[:, :, None]], axis=2)
    return (image[:, :, 0] if image.shape[2] == 1 else image).astype(np.uint8), coded
