"""What is known of a customer to find it by: words of its names, facets, and sets of customers."""
