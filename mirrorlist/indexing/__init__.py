"""Makes file indexes: lists the origin and the mirrors, and compares the lists."""
