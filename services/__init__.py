"""Everything around a night: setup, the environment of its processes, one night by hand, and the services of `make up`."""
