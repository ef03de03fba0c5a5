"""Judge a potential by physics: the same measurement on the potential and on its reference."""
