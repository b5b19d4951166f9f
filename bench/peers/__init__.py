"""Ready-made model servers with the reference's bankchurn pipeline, for bench/serving.py --peers to race."""
