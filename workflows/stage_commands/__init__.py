"""Commands of the stages, and the options and output that all commands share."""
