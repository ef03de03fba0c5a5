"""Read and check what users write: campaigns, training files and structure files."""
