"""From one YAML file to a checked description of a run."""
