"""Enrol: a self-hosted customer registry for people, companies and their blockchain wallets."""

__version__ = "0.1.0"
