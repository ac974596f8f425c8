"""Regions as text and as numbers."""

import numpy as np
import pytest

from compressor.coding.area import Area
from compressor.coding.region import parse_region, region_area
from compressor.errors import OptionError


def test_text():
    assert parse_region("3,0,20,1") == (3, 0, 20, 1)
    assert parse_region(" 3, 0, 20, 1") == (3, 0, 20, 1)


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "1,2,3,x", "1.5,2,3,4", "-1,0,2,2", "0,0,0,5", "1;2;3;4"]
)
def test_invalid_regions_are_refused(text):
    with pytest.raises(OptionError, match="expected X,Y,W,H"):
        parse_region(text)


def test_inside_the_picture():
    assert region_area((3, 1, 20, 2), 23, 3) == Area(1, 3, 3, 23)
    assert region_area(np.array([0, 0, 1, 1]), 1, 1) == Area(0, 0, 1, 1)


@pytest.mark.parametrize("region", [(4, 1, 20, 2), (3, 2, 20, 2), (0, 0, 24, 1), (10**30, 0, 1, 1)])
def test_outside_the_picture(region):
    with pytest.raises(OptionError, match="inside the picture, which is 23x3"):
        region_area(region, 23, 3)


@pytest.mark.parametrize("region", [(1, 2, 3), (0, 0, 1.0, 1), "0,0,1,1", (0, -1, 1, 1), (0, 0, 1, 0)])
def test_values_that_are_no_region(region):
    with pytest.raises(OptionError, match="expected X,Y,W,H"):
        region_area(region, 23, 3)
