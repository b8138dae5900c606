"""Training networks: recipes, data, losses, loops. Needs the extra `train`."""
