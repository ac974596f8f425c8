"""Rate-distortion evaluation of image codecs. `eval/README.md` explains the commands and the numbers."""
