"""Moments as a person reads them."""

from datetime import datetime


def moment(timestamp: str) -> str:
    """Return an ISO 8601 timestamp in local time, to the minute; empty stays empty."""
    return datetime.fromisoformat(timestamp).astimezone().strftime("%Y-%m-%d %H:%M") if timestamp else ""


def day(timestamp: str) -> str:
    """Return an ISO 8601 timestamp as the local time of a moment of today, else as the day."""
    then = datetime.fromisoformat(timestamp).astimezone()
    return then.strftime("%H:%M" if then.date() == datetime.now().astimezone().date() else "%m-%d")
