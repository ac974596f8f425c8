"""Rate-distortion evaluation: how good is a codec, on your pictures, against what you use now?

Run it as `python -m eval`; `eval/README.md` explains the commands and what every number means.
"""
