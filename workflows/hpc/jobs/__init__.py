"""Jobs in the queue: their status, why they failed, running again, cancelling."""
