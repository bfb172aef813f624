"""Bases, the engine, training, evaluation and the registry of versions. Knows neither the corpus nor the screen."""
