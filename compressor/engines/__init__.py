"""Run the exported float graphs: one small interface, one file per engine; `loading` chooses between them."""
