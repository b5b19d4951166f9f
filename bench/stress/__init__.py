"""What bench/overload.py, connections.py and fuzz.py are made of: a worker as a process, and raw connections to it."""
