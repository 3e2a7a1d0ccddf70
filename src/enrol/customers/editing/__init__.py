"""One stored customer changed: what a call may send, and what it comes to. Pure."""
