"""Rank 3: a request and a model become images. Start with request, then generate."""
