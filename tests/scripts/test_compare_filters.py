"""How much the 8-bit filter of a model loses."""

from functools import cache

import numpy as np
import pytest
from PIL import Image

from compressor.coding.loading import coder_on
from compressor.engines.onnx_engine import OnnxEngine
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import shipped_folder
from scripts.compare_filters import FloatFilter, losses, main
from training.start import read_model

# It builds the Keras model of a folder, which takes seconds.
read_once = cache(read_model)


@pytest.fixture(autouse=True)
def models_read_once(monkeypatch):
    monkeypatch.setattr("scripts.compare_filters.read_model", read_once)


@pytest.fixture
def image_uint8(random_pictures):
    return np.rint(255 * random_pictures(1, 64, 64)[0]).astype(np.uint8)


def test_a_filter_loses_nothing_against_itself(image_uint8):
    files = ModelFiles(shipped_folder())
    coder = coder_on(OnnxEngine(files, 1), files, 1)
    assert losses(image_uint8, 196, coder, coder) == (0, 0)


def test_only_the_filter_is_in_floating_point(random_pictures):
    files = ModelFiles(shipped_folder())
    engine = OnnxEngine(files, 1)
    reference = FloatFilter(engine, read_once(shipped_folder()))
    pixels = 255 * random_pictures(1, 64, 64) - 128
    plane = np.zeros((1, 64, 64, 1), np.float32)
    rounded, exact = (each.run("filter", pixels, plane) for each in (engine, reference))
    assert 0 < np.square(rounded - exact).mean() < 0.1 * np.square(exact).mean()
    np.testing.assert_array_equal(reference.run("analysis", pixels), engine.run("analysis", pixels))


def test_the_table_has_a_row_for_each_quality(image_uint8, tmp_path, capsys):
    Image.fromarray(image_uint8).save(tmp_path / "a.png")
    main([str(tmp_path)])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split()[1] for row in rows] == ["15", "50", "85"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["absent"], "absent: no such folder"),
        ([".", "--weights", "absent"], "absent holds no usable manifest.json"),
        ([".", "--reference", "absent"], "absent does not exist: give a checkpoint"),
        ([".", "--weights", shipped_folder("cnn")], ".*cnn has no 8-bit filter: give a flagship"),
        ([".", "--weights", shipped_folder("flagship-psnr")], ".*psnr has no 8-bit filter: give a flagship"),
        ([".", "--reference", shipped_folder("cnn")], ".*cnn has no filter: give a flagship"),
    ],
)
def test_errors_are_one_line(options, message, image_uint8, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(image_uint8).save("a.png")
    with pytest.raises(SystemExit, match=f"^error: {message}"):
        main(list(map(str, options)))
