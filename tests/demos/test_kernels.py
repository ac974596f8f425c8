"""Classical kernels, compared with SciPy and scikit-image."""

import numpy as np
import pytest
from scipy import ndimage, signal
from skimage import filters

from demos import kernels
from demos.errors import ArgumentError


@pytest.mark.parametrize(
    ("name", "reference"),
    [("Sobel", filters.sobel_h), ("Scharr", filters.scharr_h), ("Prewitt", filters.prewitt_h)],
)
def test_edge_kernels_agree_with_scikit_image(name, reference, image):
    # scikit-image divides by the sum of the positive weights: 4, 16 and 3. The response to a ramp is then 2.
    ours = kernels.correlate(image, kernels.DERIVATIVES[name].T)
    assert 2 * ours[1:-1, 1:-1] == pytest.approx(reference(image)[1:-1, 1:-1], abs=1e-5)


@pytest.mark.parametrize("name", kernels.DERIVATIVES)
def test_derivatives_of_a_ramp_are_one(name):
    ramp = np.tile(np.arange(9, dtype=np.float32), (9, 1))
    response = kernels.correlate(ramp, kernels.DERIVATIVES[name])
    assert response[2:-2, 2:-2] == pytest.approx(np.ones((5, 5)), abs=1e-5)
    assert abs(kernels.correlate(ramp, kernels.DERIVATIVES[name].T)[2:-2, 2:-2]).max() < 1e-5


def test_correlate_agrees_with_ndimage_including_borders(image):
    for kernel in (kernels.LAPLACIAN, kernels.SHARPEN, kernels.HORIZONTAL_EDGE, kernels.gaussian(5, 1.0)):
        assert kernels.correlate(image, kernel) == pytest.approx(
            ndimage.correlate(image, kernel, mode="reflect"), abs=1e-5
        )


def test_laplacian_agrees_with_ndimage(image):
    assert kernels.correlate(image, kernels.LAPLACIAN) == pytest.approx(ndimage.laplace(image), abs=1e-5)


def test_roberts_responds_to_diagonals():
    step = np.array([[0, 0], [0, 1]], np.float32)
    assert kernels.correlate(step, kernels.ROBERTS[0])[0, 0] == -1
    assert kernels.correlate(step, kernels.ROBERTS[1])[0, 0] == 0


def test_horizontal_edge_is_signed():
    image = np.zeros((6, 6), np.float32)
    image[3:] = 1
    response = kernels.correlate(image, kernels.HORIZONTAL_EDGE)
    assert response[2:4, 2].tolist() == [-3, -3]
    assert kernels.correlate(1 - image, kernels.HORIZONTAL_EDGE)[2:4, 2].tolist() == [3, 3]


@pytest.mark.parametrize(("size", "sigma"), [(1, 1.0), (5, 0.8), (21, 2.5)])
def test_gaussian_is_the_sampled_density(size, sigma):
    window = signal.windows.gaussian(size, sigma)
    expected = np.outer(window, window)
    assert kernels.gaussian(size, sigma) == pytest.approx(expected / expected.sum(), abs=1e-6)


def test_laplacian_of_gaussian_agrees_with_ndimage(image):
    wide = np.pad(image, 20, mode="symmetric")
    ours = kernels.correlate(wide, kernels.laplacian_of_gaussian(21, 2.0))
    theirs = ndimage.gaussian_laplace(wide, 2.0, truncate=5)
    assert ours[12:-12, 12:-12] == pytest.approx(theirs[12:-12, 12:-12], abs=2e-4)


def test_laplacian_of_gaussian_sums_to_zero():
    assert abs(kernels.laplacian_of_gaussian(9, 1.4).sum()) < 1e-6


@pytest.mark.parametrize("make", [kernels.gaussian, kernels.laplacian_of_gaussian])
@pytest.mark.parametrize(
    ("size", "sigma"), [(4, 1.0), (0, 1.0), (-3, 1.0), (3, 0.0), (3, -1.0), (3, float("nan"))]
)
def test_invalid_kernel_sizes(make, size, sigma):
    with pytest.raises(ArgumentError, match="must be"):
        make(size, sigma)
