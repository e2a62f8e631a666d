"""The life of a job: its record, how it is submitted or adopted, polled, stopped, and how its failures are reported."""
