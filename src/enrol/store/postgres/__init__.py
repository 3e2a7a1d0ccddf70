"""The store on PostgreSQL: every HTTP process writes groups by binary COPY, and reads by a pool."""
