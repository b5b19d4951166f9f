"""What bench/serving.py is made of: servers on one core, a load generator on the other, and the models they serve."""
