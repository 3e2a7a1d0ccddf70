"""The store on one SQLite file: a writer process, and readers in every HTTP process."""
