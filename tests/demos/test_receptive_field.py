"""Receptive fields, compared with a brute-force count and with gradients."""

import numpy as np
import pytest

from compressor.models.flagship.networks import correction_network
from compressor.models.registry import build_model
from demos import arithmetic
from demos import receptive_field as field_of
from demos.errors import ArgumentError


def test_known_receptive_fields():
    layer = field_of.Layer
    assert field_of.receptive_field([]) == 1
    assert field_of.receptive_field([layer(3), layer(3)]) == 5  # the same as one 5x5
    assert field_of.receptive_field([layer(7, 2), layer(3, 2)]) == 11  # the stem of a ResNet
    assert field_of.receptive_field([layer(4, 2, transposed=True)]) == 2
    assert field_of.receptive_field([layer(3, 2, transposed=True)]) == 2
    assert field_of.receptive_field([layer(2, 2, transposed=True)]) == 1


@pytest.mark.parametrize("stack", list(arithmetic.STACKS.values())[:3])
def test_receptive_field_agrees_with_the_recursion(stack):
    assert field_of.receptive_field_growth(stack)[-1] == field_of.receptive_field(stack)


def brute_force_field(stack, size=60):
    """Track the set of inputs that each position of a 1-D stack depends on."""
    reads = [{i} for i in range(size)]
    for layer in stack:
        taps = [layer.dilation * a for a in range(layer.kernel)]
        if layer.transposed:
            wide = [set() for _ in range(len(reads) * layer.stride + layer.reach)]
            for i, read in enumerate(reads):
                for tap in taps:
                    wide[i * layer.stride + tap] |= read
            reads = wide
        else:
            starts = range(0, len(reads) - layer.reach, layer.stride)
            reads = [set().union(*(reads[start + tap] for tap in taps)) for start in starts]
    return max(max(read) - min(read) + 1 for read in reads if read)


def test_receptive_field_of_random_stacks(rng):
    for _ in range(60):
        stack = [
            field_of.Layer(int(rng.integers(1, 5)), int(rng.integers(1, 3)), 1, bool(rng.integers(2)))
            for _ in range(int(rng.integers(1, 4)))
        ]
        assert field_of.receptive_field(stack) == brute_force_field(stack), stack


def test_receptive_fields_of_the_codec_agree_with_gradients():
    cases = [build_model("cnn").analysis, correction_network(4, 8)]
    for model, size in zip(cases, (32, 640), strict=True):
        for weight in model.trainable_weights:  # positive, so that nothing cancels
            weight.assign(np.random.default_rng(0).uniform(0.01, 0.1, weight.shape))
        field = field_of.receptive_field(field_of.layers_of(model))
        _, _, height, width = field_of.extent(field_of.sensitivity(model, size))
        assert (height, width) == (field, field)


def test_receptive_fields_of_the_codec():
    fields = {
        name: field_of.receptive_field(field_of.layers_of(m))
        for name, m in arithmetic.codec_transforms().items()
    }
    assert fields["cnn analysis"] == 5 + 2 * 4  # kernel 5 twice, the second at a jump of 2
    assert all(field > 1 for field in fields.values())


def test_extent_of_zeros():
    with pytest.raises(ArgumentError, match="does not depend"):
        field_of.extent(np.zeros((4, 4)))
