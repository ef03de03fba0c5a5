"""Models that can be trained: each module or folder here defines one `training.variant.Variant`."""
