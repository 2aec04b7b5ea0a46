"""Numbers: metrics, bootstrap, scores and what follows from them, without figures, tables for readers or pages."""
