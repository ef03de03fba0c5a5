"""The paper's Tables IV and V, next to our runs."""
