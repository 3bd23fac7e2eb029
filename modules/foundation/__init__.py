"""Rank 0: paths, flags, errors, how settings are declared and stored. Imports nothing of the project.

Start with `errors` (the exception tree) and `options` (what a setting is).
"""
