"""Stages, bounded queues and statistics."""
