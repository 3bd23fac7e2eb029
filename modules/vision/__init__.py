"""Rank 2: pixels: grids, later resizing, masks, upscalers, captions."""
