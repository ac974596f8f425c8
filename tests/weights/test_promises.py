"""Promises of the shipped weights, on a photograph that comes with scikit-image."""

import io

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from skimage import data

import compressor
from compressor import Runtime, Target
from compressor.coding.area import Area
from compressor.coding.effort import Effort
from compressor.coding.loading import create_coder, load_coder
from compressor.coding.picture_coder import PictureCoder
from compressor.engines.cpu import has_bfloat16
from compressor.images.psnr import psnr_db
from compressor.images.ssimulacra2 import ssimulacra2
from compressor.spec.quality import HIGHEST_SEEN_LEVEL, TOP_LEVEL, quality_to_level
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import default_model, shipped_folder, shipped_models
from tests.samples import assert_same_pixels


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(data.coffee()[8:392, 24:408])


def psnr_of(image, photo):
    return psnr_db(np.asarray(image), photo)


def test_bytes_are_at_most_one_percent_above_the_estimate(photo):
    """The estimate of training, in float networks and a parametric density, against bytes on disk."""
    keras = pytest.importorskip("keras", reason="needs the train extra")
    from compressor.models.exported import load_exported

    model = load_exported(ModelFiles(shipped_folder()))
    for quality in (10, 50, 90):
        share = np.array([quality_to_level(quality) / TOP_LEVEL], "float32")
        inputs = {"images": photo[None] / np.float32(255), "quality": share}
        estimated_bytes = float(keras.ops.sum(model(inputs)["bpp"])) * photo.shape[0] * photo.shape[1] / 8
        assert len(compressor.encode(photo, quality)) <= 1.01 * estimated_bytes + 24


def test_overhead_is_at_most_24_bytes(photo):
    payload = load_coder(Runtime()).encode(photo, quality_to_level(50))
    assert len(compressor.encode(photo, 50)) - len(payload) <= 24


def test_size_and_psnr_rise_strictly_with_quality(photo):
    streams = [compressor.encode(photo, quality) for quality in (1, 10, 30, 50, 70, 90, 91, 93, 95, 99, 100)]
    quality_db = [psnr_of(compressor.decode(stream), photo) for stream in streams]
    assert all(a < b for a, b in zip(quality_db, quality_db[1:], strict=False))
    sizes = [len(stream) for stream in streams]
    assert all(a < b for a, b in zip(sizes, sizes[1:], strict=False))


def test_smaller_than_jpeg_at_the_same_psnr(photo):
    stream = compressor.encode(photo, 50)
    ours = psnr_of(compressor.decode(stream), photo)
    for quality in range(1, 101):
        buffer = io.BytesIO()
        Image.fromarray(photo).save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        if psnr_of(Image.open(buffer), photo) >= ours:
            break
    assert len(stream) < 0.65 * buffer.tell()


def test_threads_change_no_symbol(photo):
    one, two = (load_coder(Runtime(threads=threads)) for threads in (1, 2))
    for level in (40, 360):
        for (a, i), (b, j) in zip(one.symbols(photo, level), two.symbols(photo, level), strict=True):
            assert np.array_equal(i, j)
            assert np.array_equal(a, b)


@pytest.mark.parametrize("model", shipped_models())
@pytest.mark.parametrize("level", [0, 396])
def test_parts_leave_no_seam(photo, model, level):
    """The transforms see enough around a part."""
    files = ModelFiles(shipped_folder(model))
    whole = create_coder(files, "onnxruntime")
    payload = whole.encode(photo, level)
    grid = Area(0, 0, *photo.shape[:2]).covering(whole.runtime.block)
    latents = whole.analyse(photo, grid, level)[1].latents
    positions = grid.height // 4
    for area in grid.cut(positions):
        part = whole.analyse(photo, area, level)[1].latents
        np.testing.assert_allclose(part, latents[area.slices], atol=0.01)
    pixels = whole.decode(payload, *photo.shape[:2], level)
    in_parts = PictureCoder(whole.runtime, part=positions).decode(payload, *photo.shape[:2], level)
    assert np.abs(in_parts.astype(int) - pixels).max() <= 1


@pytest.mark.parametrize("engine", ["openvino", "keras"])
def test_engines_agree_up_to_rounding(photo, engine):
    pytest.importorskip(engine, reason=f"{engine} is not installed")
    runtime = Runtime(engine=engine)
    stream = compressor.encode(photo, 60)
    theirs = compressor.decode(stream, runtime=runtime)
    ours = compressor.decode(stream, runtime=Runtime(engine="onnxruntime"))
    if engine == "openvino" and has_bfloat16():
        assert abs(psnr_of(theirs, photo) - psnr_of(ours, photo)) < 0.02
    else:
        assert_same_pixels(theirs, ours, default_model())
    assert compressor.decode(compressor.encode(photo, 60, runtime=runtime)).size == ours.size


def test_gray_stays_gray_and_flat_stays_flat(photo):
    gray = Image.fromarray(photo).convert("L")
    assert compressor.decode(compressor.encode(gray, 30)).mode == "L"
    flat = np.full((80, 100, 3), (200, 30, 90), np.uint8)
    decoded = np.asarray(compressor.decode(compressor.encode(flat, 50)), int)
    assert np.quantile(np.abs(decoded - flat), 0.99) <= 5


def test_a_tune_chooses_the_model(photo):
    for tune, options in (("iq", {}), ("iq", {"tune": "iq"}), ("psnr", {"tune": "psnr"})):
        assert compressor.read_info(compressor.encode(photo, **options)).tune == tune


def test_graphs_in_eight_bits():
    onnx = pytest.importorskip("onnx", reason="needs the train extra")
    of_iq = {"filter", "filter_gradient", "hyper_mean", "mean_7", "mean_8", "mean_9", "mean_10"}
    for name, expected in (("flagship-iq", of_iq), ("flagship-psnr", set())):
        files = ModelFiles(shipped_folder(name))
        found = set()
        for file in files.manifest["files"]:
            if file.endswith(".onnx"):
                kinds = {node.op_type for node in onnx.load_from_string(files.read(file)).graph.node}
                if kinds & {"MatMulInteger", "QuantizeLinear"}:
                    found.add(file.removesuffix(".onnx"))
        assert found == expected


def test_side_information_differs_from_zero(photo):
    runtime = create_coder(ModelFiles(shipped_folder()), "onnxruntime").runtime
    pixels = photo[None].astype(np.float32) - 128
    side = runtime.side_information(runtime.analyse(pixels, 300).for_side, 300)
    assert (side != 0).mean() > 0.01


@pytest.mark.parametrize("model", ["flagship-iq", "flagship-psnr"])
@pytest.mark.parametrize("graph", ["correction", "filter"])
def test_no_layer_has_died(photo, model, graph):
    """In every layer with ReLUs, more than one channel in 20 is active somewhere in the picture."""
    onnx = pytest.importorskip("onnx", reason="needs the train extra")
    network = onnx.load_from_string(ModelFiles(shipped_folder(model)).read(f"{graph}.onnx"))
    active = [node.output[0] for node in network.graph.node if node.op_type == "Relu"]
    network.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in active)
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    pixels = photo[None].astype(np.float32) - 128
    plane = np.zeros((*pixels.shape[:3], 1), np.float32)
    shares = [(x > 0).any(axis=(0, 2, 3)).mean() for x in session.run(active, {"x0": pixels, "x1": plane})]
    assert len(shares) >= 5
    assert min(shares) > 0.05


@pytest.mark.parametrize("model", ["flagship-iq", "flagship-psnr"])
@pytest.mark.parametrize("effort", [Effort(), Effort(refinement_steps=1)])
def test_fine_levels_share_side_information(photo, model, effort):
    coder, picture = create_coder(ModelFiles(shipped_folder(model)), "onnxruntime"), photo[:230, :250]
    height, width = picture.shape[:2]
    in_part = np.full((15, 16), HIGHEST_SEEN_LEVEL, np.int32)
    in_part[:, 7:] = 390
    sides = []
    for levels in (HIGHEST_SEEN_LEVEL, 380, in_part):
        payload = coder.encode(picture, levels, effort)
        side, _ = next(coder.read_symbols(payload, height, width, levels))
        sides.append(side)
    assert sides[0].any()
    for side in sides[1:]:
        np.testing.assert_array_equal(side, sides[0])


@pytest.mark.parametrize("tune", ["iq", "psnr"])
def test_fine_levels_decode_in_parts_at_reduced_size_and_on_one_thread(photo, tune):
    picture = photo[:230, :250]
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[:, 120:] = 255
    for options in ({}, {"roi": mask}, {"effort": 6}):
        stream = compressor.encode(picture, 94, tune=tune, **options)
        whole = np.asarray(compressor.decode(stream)).astype(int)
        part = np.asarray(compressor.decode(stream, region=(90, 30, 100, 80))).astype(int)
        # In `flagship-iq`, rounding differences can grow to several levels.
        assert np.abs(part - whole[30:110, 90:190]).max() <= 4
        assert np.abs(part - whole[30:110, 90:190]).mean() < 0.02
        one = np.asarray(compressor.decode(stream, runtime=Runtime(threads=1))).astype(int)
        assert np.abs(one - whole).max() <= 4
        half = np.asarray(compressor.decode(stream, reduction=2))
        expected = np.asarray(Image.fromarray(whole.astype(np.uint8)).reduce(2))
        assert psnr_db(half, expected) > 36
        assert psnr_db(whole[:, 130:].astype(np.uint8), picture[:, 130:]) > 41


def test_a_visually_lossless_score_is_met_below_the_lossless_size(photo):
    target = compressor.Target(ssimulacra2=90)
    stream = compressor.encode(photo, target=target)
    assert ssimulacra2(photo, np.asarray(compressor.decode(stream))) >= 90
    assert len(stream) < 0.4 * len(compressor.encode(photo, 100))


def test_hidden_pixels_cost_less_than_black_ones(photo):
    down, across = np.ogrid[: photo.shape[0], : photo.shape[1]]
    visible = (np.hypot(down % 60 - 30, across % 60 - 30) < 21)[..., None]
    alpha = np.where(visible, np.uint8(255), np.uint8(0))
    image = Image.fromarray(np.dstack([photo, alpha]))
    black = Image.fromarray(np.dstack([photo * visible, alpha]))
    streams = [compressor.encode(image, 60), compressor.encode(black, 60, keep_hidden=True)]
    psnr = [
        psnr_db(photo * visible, np.asarray(compressor.decode(stream))[..., :3] * visible)
        for stream in streams
    ]
    assert len(streams[0]) < 0.7 * len(streams[1])
    assert psnr[0] > psnr[1]


def test_a_target_psnr_is_that_of_visible_pixels(photo):
    visible = np.zeros(photo.shape[:2], bool)
    visible[100:180, 60:200] = True
    image = np.dstack([photo, np.where(visible, np.uint8(255), np.uint8(0))])
    stream = compressor.encode(image, target=Target(psnr_db=34))
    decoded = np.asarray(compressor.decode(stream))[..., :3]
    assert 34 <= psnr_db(decoded[visible], photo[visible]) < 34.5
