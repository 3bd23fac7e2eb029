"""Rank 5: what a user can ask for; runs requests, delivers images. Start with context."""
