"""Build file indexes: list the origin and the mirrors, and compare the lists."""
