"""The fused CPU engine: a whole network in one pass over the picture, planes in, planes out."""
