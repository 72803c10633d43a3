"""What is read from outside: mirror files, the service file, databases, the origin."""
