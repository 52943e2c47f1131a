"""What sessions cost. Run from the project's root, as `python -m benchmarks.codec`."""
