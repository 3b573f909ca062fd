"""Everything a person sees: tables, progress, colours. The only room that imports rich; it works on plain data."""
