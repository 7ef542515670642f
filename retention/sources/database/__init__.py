"""Tables of a PostgreSQL database: found, read at one moment, and copied to files of our own."""
