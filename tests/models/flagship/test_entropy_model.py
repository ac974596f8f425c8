"""The integer side of an exported model, read from its arrays."""

import numpy as np
import pytest

from compressor.errors import WeightsError
from compressor.models.flagship.entropy_model import load_entropy_model
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import shipped_folder


@pytest.mark.parametrize("matrix", [np.full((9, 4), 64, np.int8), np.zeros((9, 4), np.int16)])
def test_weights_that_some_processors_would_not_add_exactly_are_refused(matrix):
    files = ModelFiles(shipped_folder())
    arrays = dict(files.arrays("entropy.npz")) | {"context_3_1_matrix": matrix}
    with pytest.raises(WeightsError, match=r"context_3_1_matrix in entropy\.npz"):
        load_entropy_model(arrays, len(files.manifest["passes"]), 255)
