"""Write, read and verify bundles: folders that can be served, each named by the digest of its manifest."""
