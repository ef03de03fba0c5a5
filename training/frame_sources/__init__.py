"""Code that the sources of training frames share."""
