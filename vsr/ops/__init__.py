"""Image operations, one file each: checks, a numpy reference, and the launch on each device."""
