"""A run as one HTML page: what it holds as plain data (`content`), and how it is drawn."""
