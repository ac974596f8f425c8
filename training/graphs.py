"""Names of the exported graphs that not every step of coding runs; all others run in encoder and decoder."""

ENCODER_ONLY = {"analysis", "correction", "hyper_analysis"}
DECODER_ONLY = {"synthesis", "filter"}
# Run once per step of a refinement.
REFINEMENT_ONLY = {"filter_gradient", "synthesis_gradient"}
