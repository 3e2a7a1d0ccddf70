"""What becomes of a customer after its enrolment: changes, and the chain of events. Pure."""
