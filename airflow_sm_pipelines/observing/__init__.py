"""What an operator of a deployment sees of it from outside: metrics, spans, and fields of log lines."""
