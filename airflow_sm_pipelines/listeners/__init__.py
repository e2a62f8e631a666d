"""What this package does in Airflow's scheduler and API server when the state of a Dag run changes.

Every process of Airflow loads these modules with the plugin: they import what they need when they are called, and an
error in them is logged and goes no further.
"""
