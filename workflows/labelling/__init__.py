"""What all engines share: their settings, documents, runs and starts."""
