"""A live run in a browser: its pictures before and after, its figures, its controls."""
