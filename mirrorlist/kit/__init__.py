"""Write the files of a kit: scripts, units and configurations for the owner of a mirror."""
