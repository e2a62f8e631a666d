"""The old place of the triggers: those that deferred tasks have left in Airflow's database are found by it.

It goes with the next release: no task stays deferred for so long.
"""
