"""How good pictures are: the papers' protocol for upscalers, and two videos compared frame by frame."""
