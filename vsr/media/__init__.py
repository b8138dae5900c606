"""Media: the only place that imports av."""
