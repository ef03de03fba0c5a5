"""Base of all packages: settings, registries, files, hashes, errors, progress."""
