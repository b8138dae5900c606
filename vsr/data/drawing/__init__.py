"""Drawings like those of animated films: shapes from a seed, and exact pictures of them."""
