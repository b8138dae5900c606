"""Data to train on: tiles cut from pictures and videos, and drawings with exact small versions."""
