"""What a person writes: campaigns, training files and structure files, read and checked."""
