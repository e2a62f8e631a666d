"""Reaching AWS: connections and clients, what its errors mean, and files in S3."""
