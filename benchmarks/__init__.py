"""Speed and memory, one command each; every benchmark states its limits and exits non-zero when one is not met."""
