"""What runs a graph: `reference` in numpy, to be read; the others to be fast."""
