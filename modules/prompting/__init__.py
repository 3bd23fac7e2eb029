"""Rank 1: text. Comments, network tags, AND, edits, emphasis, chunks, infotext. No torch, nothing third-party."""
