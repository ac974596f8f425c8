"""Frozen tables, the range coder, and the exact integer networks that choose between the tables."""
