"""Networks as data: the graph, its families, and the readers of files that hold networks."""
