"""Pull the reviewed service and mirror files from a git repository to where the publisher reads them."""
