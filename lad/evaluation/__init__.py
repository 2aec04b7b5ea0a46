"""Numbers: metrics, bootstrap, scores and what follows from them. Knows no figure, no table for readers and no page."""
