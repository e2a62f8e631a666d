"""Values at run time: what parameters, references, functions and conditions of a definition come to."""
