"""The data plane: it serves bundles, and needs neither the control plane nor a database, a registry or the network."""
