"""Measurements: each runs alone and prints one JSON line."""
