"""Parts that all engines share: label documents, runs, starts, calculators."""
