"""Rank 1: tensors in files. Reading, hashing, recognising, key maps."""
