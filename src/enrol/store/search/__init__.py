"""The search index: a projection of the events, kept beside the customers and never waited for."""
