"""Rank 6: extensions. Finding, ordering and installing them, and keeping their errors theirs. Start with discovery.

What an extension's code may import is the facade's; how the page shows its controls is the web's. Torch-free.
"""
