"""How the console looks: its frame, and the few things that pages are made of."""
