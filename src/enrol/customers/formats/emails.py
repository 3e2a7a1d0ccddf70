"""Email addresses."""


def email_fault(value: str) -> str | None:
    """The code of what is wrong with an address, None when it is right."""
    return None if "@" in value else "email.syntax"
