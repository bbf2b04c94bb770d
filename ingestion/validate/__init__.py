"""What a night would make of a shop's files, found out before any night: nothing is written where the shop's data lies."""
