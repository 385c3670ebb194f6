"""PostgreSQL: pool, named queries, migrations; one file a noun."""
