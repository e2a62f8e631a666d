"""Pages about a pipeline in Airflow's API server: its definition, its runs, and what came of one.

Who reads them is asked of Airflow's own auth manager, as for Airflow's pages on the same things. They are plain HTML:
every text is escaped, and a policy lets them load and run nothing.
"""
