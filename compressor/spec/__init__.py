"""Values that trainer, encoder, decoder and FORMAT.md agree on. A leaf of the package."""
