"""Upscale video in real time, lose nothing of the source, and prove it."""
