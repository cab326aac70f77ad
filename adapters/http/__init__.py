"""HTTP as the partner API and the operator API speak it: a request in its conversation, and who calls."""
