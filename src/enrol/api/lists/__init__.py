"""Query strings, and the lists that they ask for."""
