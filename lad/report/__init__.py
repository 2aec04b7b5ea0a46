"""The report of a study: one HTML page with all results, that opens without a network."""
