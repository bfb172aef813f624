"""Conversations, verdicts and examples, kept in SQLite. Knows neither model nor screen, never imports torch."""
