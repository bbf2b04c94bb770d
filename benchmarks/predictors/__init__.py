"""The data sets of `benchmarks.predictions`, each with its contenders."""
