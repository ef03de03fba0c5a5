"""The paper's Tables IV and V beside our runs."""
