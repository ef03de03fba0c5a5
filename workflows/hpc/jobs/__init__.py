"""Jobs in the queue: how they stand, why they failed, trying again, ending."""
