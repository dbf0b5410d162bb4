"""How fast the product is, beside what others would use on the same work; `python -m benchmarks` runs all of it."""
