"""`vsr bench peers`: other upscalers on the same clip, at the same scale, with the same threads."""
