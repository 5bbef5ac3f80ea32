"""Times are seconds in Python, and milliseconds in every request."""

from __future__ import annotations

from datetime import datetime, timedelta


def to_ms(value: float | timedelta, what: str) -> int:
    """Returns seconds, or a timedelta, as whole milliseconds. A time above 0 is at least 1 ms."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < float("inf"):
        raise ValueError(f"{what} is a number of seconds from 0, or a timedelta, got {value!r}")
    return max(1, round(seconds * 1000)) if seconds > 0 else 0


def to_epoch_ms(value: float | datetime, what: str) -> int:
    """Returns a datetime with a time zone, or seconds since the epoch, as milliseconds since the epoch."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{what} needs a time zone: datetime.now(timezone.utc), got {value!r}")
        return round(value.timestamp() * 1000)
    return to_ms(value, what)


def from_epoch_ms(value: int | None) -> float | None:
    """Returns milliseconds since the epoch as seconds since the epoch."""
    return None if value is None else value / 1000
