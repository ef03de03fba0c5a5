"""What every room builds on: settings, registries, files, hashes, errors; knows no atoms."""
