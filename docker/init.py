"""What airflow-init of docker-compose.yaml runs: refuse a trial's secrets for a real account, then make the tables.

Without airflow-init, no service of Airflow starts. It needs the standard library alone, and reads what the services
have, whichever way that was set.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

MIGRATE = ("airflow", "db", "migrate")
# What docker-compose.yaml has where .env sets nothing, by the name in .env; tests/system/test_compose.py compares them.
PUBLIC = {
    "AIRFLOW_JWT_SECRET": "development-only-jwt-secret-of-64-characters-change-it-in-the-env-file",
    "AIRFLOW_API_SECRET_KEY": "development-only-api-secret-key-change-me-in-the-env-file",
    "AIRFLOW_FERNET_KEY": "c20tcGlwZWxpbmVzLWRldmVsb3BtZW50LWZlcm5ldCE=",
    "POSTGRES_PASSWORD": "airflow",
    "REDIS_PASSWORD": "airflow",
}


def in_force(environment: Mapping[str, str]) -> dict[str, str | None]:
    """The secrets that the services have, by their names in .env."""
    return {
        "AIRFLOW_JWT_SECRET": environment.get("AIRFLOW__API_AUTH__JWT_SECRET"),
        "AIRFLOW_API_SECRET_KEY": environment.get("AIRFLOW__API__SECRET_KEY"),
        "AIRFLOW_FERNET_KEY": environment.get("AIRFLOW__CORE__FERNET_KEY"),
        "POSTGRES_PASSWORD": urlsplit(environment.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "")).password,
        "REDIS_PASSWORD": urlsplit(environment.get("AIRFLOW__CELERY__BROKER_URL", "")).password,
    }


def to_set(environment: Mapping[str, str]) -> Iterator[str]:
    """The lines that .env lacks before these services may use a real account."""
    if environment.get("AWS_ENDPOINT_URL"):
        return
    yield from (f"{name}=..." for name, value in in_force(environment).items() if value == PUBLIC[name])
    if environment.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "").lower() in ("true", "t", "1"):
        yield "AIRFLOW_ALL_ADMINS=False"


def main() -> None:
    """Make the tables, or exit with a sentence that says what to set."""
    missing = ", ".join(to_set(os.environ))
    if missing:
        sys.exit(
            "AWS_ENDPOINT_URL is empty, so this is for a real AWS account, and docker-compose.yaml has values that"
            f" everybody can read. Airflow is not started. Set in .env: {missing}  (.env.example says how to make such"
            " values).\nA database keeps the password that it was made with: `docker compose down --volumes` removes"
            " the one of a trial, or of this start, with all that is in it."
        )
    os.execvp(MIGRATE[0], MIGRATE)  # noqa: S606 # its words are those above


if __name__ == "__main__":
    main()
