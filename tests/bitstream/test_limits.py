"""The limit on pixels."""

import pytest

from compressor.bitstream.limits import DEFAULT_MAX_PIXELS, check_num_pixels
from compressor.errors import LimitError


def test_limit_on_pixels():
    check_num_pixels(100, 100, 10_000)
    check_num_pixels(2**31 - 1, 2**31 - 1, None)
    with pytest.raises(LimitError, match="10100 pixels, expected at most 10000"):
        check_num_pixels(100, 101, 10_000)


@pytest.mark.parametrize("size", [(178_956_970, 1), (1, 178_956_970), (20_000_000, 8)])
def test_thin_pictures_count_as_the_blocks_that_they_take(size):
    assert size[0] * size[1] <= DEFAULT_MAX_PIXELS
    with pytest.raises(LimitError, match="counted as at least 16"):
        check_num_pixels(*size, DEFAULT_MAX_PIXELS)
    check_num_pixels(*size, 16 * DEFAULT_MAX_PIXELS)


def test_thin_pictures_below_a_megapixel_are_allowed():
    check_num_pixels(65_536, 1, 65_536)
