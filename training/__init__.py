"""Learn from labels: datasets, NequIP-framework models, optimisers."""
