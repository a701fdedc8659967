"""What `make bench` runs (docs/performance.md)."""
