"""What is known of mirrors by asking them; everything that comes back is from strangers."""
