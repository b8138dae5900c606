"""Filtering a stream while it happens."""
