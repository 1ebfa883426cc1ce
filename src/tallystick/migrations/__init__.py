"""The schema, forwards only: Alembic revisions that run the SQL files beside them."""
