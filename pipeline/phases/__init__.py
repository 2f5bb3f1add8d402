"""The seven phases of a run, one file each."""
