"""Devices: what the machine has."""
