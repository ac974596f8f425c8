"""Pictures to time codecs with."""

import numpy as np

from eval.samples import load_pictures, mosaic


def test_only_the_chosen_pictures_are_read(folder, photo):
    (folder / "damaged.png").write_bytes(b"no picture")
    (image,), problems = load_pictures(folder, 1)
    assert np.array_equal(image, photo(40, 56, seed=1))  # b.png, in the middle
    assert problems == []


def test_mosaic_tiles_the_pictures(photo):
    pictures = [np.asarray(photo(20, 30)), np.asarray(photo(24, 20))]
    result = mosaic(pictures, 90, 50)
    assert result.shape == (50, 90, 3)
    np.testing.assert_array_equal(result[:20, :20], pictures[0][:20, :20])
    np.testing.assert_array_equal(result[:20, 20:40], pictures[1][:20])
    np.testing.assert_array_equal(result[:20, 40:60], pictures[0][:20, :20][:, ::-1])
    # The mosaic is cropped on the right and at the bottom.
    np.testing.assert_array_equal(result[40:, 80:], pictures[0][:20, :20][:10, ::-1][:, :10])
