"""Wallet addresses: one module a blockchain namespace, and what all of them share."""
