"""The reference: the same job as a competent engineer would do it in a day, fair and tuned."""
