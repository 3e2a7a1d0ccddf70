"""Where customers are kept: SQL, and nothing of HTTP."""
