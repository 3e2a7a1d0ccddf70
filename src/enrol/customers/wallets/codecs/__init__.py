"""How several namespaces write bytes as text: an encoding a module, checksum included."""
