"""Write the files of a new installation: service.yml, one mirror, systemd units, the configuration of a proxy."""
