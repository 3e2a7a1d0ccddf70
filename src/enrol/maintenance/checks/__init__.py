"""What `enrol doctor` checks, by where it looks."""
