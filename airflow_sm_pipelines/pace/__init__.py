"""The pace at which calls that create jobs are made, over all workers: AWS takes about one a second of some of them."""
