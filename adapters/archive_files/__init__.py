"""The files of the archive, in a folder."""
