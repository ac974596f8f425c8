"""Names of the files in a run folder."""

CHECKPOINT, SETTINGS, LOG, LOCK = "checkpoint.keras", "settings.toml", "log.csv", ".lock"
PROVENANCE, VALIDATION, TENSORBOARD = "provenance.toml", "validation.csv", "tensorboard"
