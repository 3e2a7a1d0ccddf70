"""What Enrol costs, beside the raw limit of its database and beside a plain reference."""
