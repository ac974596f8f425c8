"""Names of the exported graphs that only some steps of coding run; encoder and decoder run all others."""

ENCODER_ONLY = {"analysis", "correction", "hyper_analysis"}
# An encoder runs these only in a refinement.
DECODER_ONLY = {"synthesis", "filter"}
# Run once per step of a refinement.
REFINEMENT_ONLY = {"filter_gradient", "synthesis_gradient"}
