"""Pure functions over text: no Beam, no files, no globals."""
