"""Moments as a person reads them."""

from datetime import datetime


def moment(timestamp: str) -> str:
    """Return an ISO 8601 timestamp in local time, to the minute; empty stays empty."""
    return datetime.fromisoformat(timestamp).astimezone().strftime("%Y-%m-%d %H:%M") if timestamp else ""
