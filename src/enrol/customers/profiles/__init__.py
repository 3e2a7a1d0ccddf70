"""What a host says of a customer besides its identity: status, risk, contact, tags, metadata."""
