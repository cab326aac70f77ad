"""What a call costs beside its peers."""
