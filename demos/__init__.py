"""Lessons on convolution and deconvolution in Keras 3: `python -m demos list`."""
