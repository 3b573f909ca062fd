"""Pure functions on arrays, with no layer in sight."""
