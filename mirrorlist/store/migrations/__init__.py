"""Steps of the database's schema, one file each in ``versions/``; Alembic runs them in order.

A new step is a file with the next number: ``upgrade`` changes the tables (``op.batch_alter_table`` where SQLite
cannot alter one), ``tables.py`` says what they are then, and a test compares the two. A step that was released stays
as it is. There is no way back: a release that is older than its database refuses it.

After 0001 comes 0004: versions from before the first release left databases at 0002 and 0003.
"""
