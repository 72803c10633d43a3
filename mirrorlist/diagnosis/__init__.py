"""Find what is wrong with a service and its machine, for ``mirrorlist doctor``."""
