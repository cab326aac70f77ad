"""The real servers that tests run against, and where each is taken from."""
