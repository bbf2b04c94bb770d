"""Drafts a shop file from sample files by guessing, for a person to finish; every guess says how sure it is."""
