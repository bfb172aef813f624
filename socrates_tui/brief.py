"""An unforeseen exception in a few words."""


def brief(error: Exception) -> str:
    """Return the first line of what ``error`` says, with its kind."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
