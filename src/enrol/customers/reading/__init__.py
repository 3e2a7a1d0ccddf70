"""From the bytes of a body to customers: the fast way, and the slow, complete look."""
