"""What everybody may know: the public record and its bytes."""
