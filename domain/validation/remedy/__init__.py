"""Remedies: the smallest change of a basket that mends what its caller can mend.

`finder` proposes changes in passes. After each pass `proposal` turns all changes into actions, applies them to the
basket by the rules of an update, and validates what comes of it. So a remedy was judged before it is proposed.
"""
