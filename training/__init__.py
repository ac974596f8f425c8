"""Training of the codec's models: data, objective, schedule, export. Runs from the checkout."""
