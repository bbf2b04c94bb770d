"""The contenders of `benchmarks.recommendations`, each run in a process of its own."""
