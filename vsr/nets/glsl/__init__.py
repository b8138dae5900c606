"""mpv user shaders that are networks: parsed, recognised, and turned into graphs with their very weights."""
