"""What the API and Airflow say of a definition, checked when it is loaded: members, types, paths, names."""
