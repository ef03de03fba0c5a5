"""What the sources of training frames share."""
