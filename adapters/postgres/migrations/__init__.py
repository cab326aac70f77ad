"""The schema's history: each version is a `.sql` file and a small module of the same name beside it."""
