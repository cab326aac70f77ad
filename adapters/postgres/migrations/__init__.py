"""The schema's history. Each version is a `.sql` file and a small module of the same name; each SQL function is a file
in `functions`, which versions include with `\\ir`.

To change a function, change its file and add a version that includes it. The signature must stay, because an older
release may still call the function: a new signature is a new function.
"""
