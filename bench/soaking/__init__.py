"""What bench/soak.py, stops.py and routes.py are made of: releases told apart, clients, workers, judges."""
