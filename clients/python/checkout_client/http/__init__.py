"""The HTTP half of the kit: a client, the answers, and problems as exceptions."""
