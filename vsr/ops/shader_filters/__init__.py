"""Filters on pictures of float32 between the networks of shader files: what Anime4K's files without one do.

`textures` reads as a GPU does, `passes` runs passes over textures, `points` says what they compute; then one
module for each family of filters. `table` has them by name, `highlights` the one that works in two places.
"""
