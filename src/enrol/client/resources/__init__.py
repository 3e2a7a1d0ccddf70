"""The operations of the API, each once: a function a call, named as the clients' methods are.

A function that takes ``project`` first gets it from the client.
"""
