"""Rank 1: text. Emphasis, chunks, infotext. Imports no torch and nothing third-party."""
