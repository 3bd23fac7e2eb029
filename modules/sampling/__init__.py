"""Rank 1: sigma-space mathematics: schedules, solvers, noise, guidance. Start with types, then solvers."""
