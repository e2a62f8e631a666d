"""The fuzzer: wild documents, answers, values and files on the whole way that they take through Airflow."""
