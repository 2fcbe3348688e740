"""The only room that knows SQL. Functions take a connection and give domain values."""
