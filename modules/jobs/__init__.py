"""Rank 3: queue, worker, progress, cancelling, of anything. Knows no kind of job by name."""
