"""What Alembic runs: the steps, in the transaction and on the connection that ``migrate.py`` hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True, render_as_batch=True)
context.run_migrations()
