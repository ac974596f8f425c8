"""Payloads of stored pixels, with all of their colours and with fewer."""

import numpy as np
import pytest

from compressor.coding import stored_pixels
from compressor.coding.area import Area
from compressor.coding.stored_pixels import NUMBERS_OF_COLOURS, StoredPixels
from compressor.coding.stored_section import read_stored
from tests.samples import noise, stripes

MASK = np.ones((48, 48), bool)


def test_payloads_have_fewer_and_fewer_colours():
    image = noise(48, 48, 3)
    payloads = list(StoredPixels(image, MASK, verify=True).payloads())
    pictures = [read_stored(payload, 48, 48, Area(0, 0, 48, 48))[0] for payload in payloads]
    np.testing.assert_array_equal(pictures[0], image)
    numbers = [len(np.unique(picture.reshape(-1, 3), axis=0)) for picture in pictures[1:]]
    assert all(number <= largest for number, largest in zip(numbers, NUMBERS_OF_COLOURS, strict=True))
    assert sorted(map(len, payloads), reverse=True) == list(map(len, payloads))


def test_few_colours_are_stored_once():
    stored = StoredPixels(stripes(48), MASK, verify=False)
    assert list(stored.payloads()) == [stored.lossless]


@pytest.mark.parametrize("taken", [1, 2, 5])
def test_payloads_are_made_when_they_are_needed(taken, monkeypatch):
    made = []
    encode_stored = stored_pixels.encode_stored

    def counting(*arguments, **options):
        made.append(options)
        return encode_stored(*arguments, **options)

    monkeypatch.setattr(stored_pixels, "encode_stored", counting)
    stored = StoredPixels(noise(48, 48, 3), MASK, verify=False)
    for _ in range(2):
        assert len([payload for payload, _ in zip(stored.payloads(), range(taken), strict=False)]) == taken
    assert len(made) <= taken + 1
    assert len(made) == len({options.get("num_colours") for options in made})
