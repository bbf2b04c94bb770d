"""The explorer: what is published, looked at in a browser: people, items, groups, two nights beside each other, SQL."""
