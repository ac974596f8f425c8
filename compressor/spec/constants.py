"""Numeric constants of the models.

The exporter writes those that may differ between models into the manifest, and decoders read them there.
"""

# Tiles and positions.
TILE = 128  # latent positions along a tile's side; entropy coding never looks across tiles
SIDE_STRIDE = 4  # latent positions per position of the side information, down and across
SIDE_PX = 16 * SIDE_STRIDE  # pixels per position of the side information, down and across

# Side information: rounded to 1/SIDE_STEPS, within -SIDE_MAX..SIDE_MAX steps.
SIDE_STEPS = 4
SIDE_MAX = 127

# Scales: a geometric grid of NUM_SCALES standard widths of a logistic density, in quantisation steps.
NUM_SCALES = 64
TOP_INDEX = NUM_SCALES - 1
SCALE_MIN, SCALE_MAX = 0.06, 128.0
# Scales are predicted relative to this share of a channel's mean magnitude.
SCALE_OF_MAGNITUDE = 0.7

# Boosts: a region of BOOST_REGION x BOOST_REGION latent positions may have all of its scale indices raised
# by BOOST_STEP times its boost, 0 to BOOST_MAX. Boosts are coded with the scale index BOOST_INDEX, under
# which a zero takes next to no bits.
BOOST_REGION = 4
BOOST_STEP = 4
BOOST_MAX = 15
BOOST_INDEX = 1

# Largest magnitude of a weight in 8-bit and integer networks. CPUs without 8-bit dot products add pairs of
# products in 16 bits, where 2 * 255 * 127 would overflow.
MAX_WEIGHT = 63

# Activations of the integer networks: multiples of 1/ACTIVATION_STEPS, 0..ACTIVATION_MAX of them.
ACTIVATION_STEPS = 32
ACTIVATION_MAX = 255

# Mean networks read asinh(latent / max(mean magnitude, NEAR_FLOOR)).
NEAR_FLOOR = 0.3

# Networks read pixels as (level - PIXEL_OFFSET) / PIXEL_SCALE.
PIXEL_OFFSET = 128
PIXEL_SCALE = 64

# One unit of the synthesis filter's output moves a pixel by this much times the square root of the nominal
# quantisation step, both in 8-bit levels.
FILTER_AMPLITUDE = 0.5
# The hyper-analysis reads differences of asinh(HYPER_SLOPE * magnitude).
HYPER_SLOPE = 2

# In training: lambda of `bits per pixel + lambda * mean squared error` at qualities 1 and 100, in squared
# 8-bit levels.
WEIGHT_MIN, WEIGHT_MAX = 0.0007, 0.25
# Nominal squared quantisation step, in squared 8-bit levels, times lambda.
SQUARED_STEP_WEIGHT = 14.0

# Share of the bits saved by a smaller magnitude that counts against its error. Symbols are context of later
# symbols, whose bits and means suffer from smaller magnitudes: on validation pictures 0.4 is best.
SAVING_SHARE = 0.4
# The same for latents that were moved against the squared error.
MOVED_SAVING_SHARE = 0.75
# Curvature of the squared error along one latent, relative to the worth of a squared step.
ERROR_CURVATURE = 0.65
# The mean squared error, in squared 8-bit levels, that weighs as much as a distance of 1 by SSIMULACRA 2 (a
# score of 90), in training and in refinement.
SSIMULACRA2_SCALE = 4.0
