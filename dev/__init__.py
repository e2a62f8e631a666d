"""Tools of the project's own work: sets of versions, the matrix, the distribution. No part of the package."""
