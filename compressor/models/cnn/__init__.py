"""The textbook baseline: strided convolutions and a factorised prior."""
