"""The error of trainings."""


class TrainingError(RuntimeError):
    """A training cannot start or did not end well; the message says what to do."""
