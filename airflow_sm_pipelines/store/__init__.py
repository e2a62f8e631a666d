"""Where pipelines live that come by the API or from AWS: their definitions and versions."""
