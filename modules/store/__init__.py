"""Rank 2: what is on disk: model catalogue, outputs, image metadata, database."""
