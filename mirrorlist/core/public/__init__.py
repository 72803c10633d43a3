"""The public record, which everybody may read, and its bytes."""
