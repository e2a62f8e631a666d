"""Which names are secret does not depend on the secrets that are known."""

from __future__ import annotations

from airflow.sdk.log import mask_secret

from airflow_sm_pipelines.operators.masking import Masking, masked_by_airflow, shown_text


def test_no_name_is_secret_since_a_secret_is_an_everyday_word() -> None:
    mask_secret(["secret", "value", "keeps"])
    masked_by_airflow.cache_clear()
    assert shown_text("it keeps its secret") == "it *** its ***"
    assert Masking().value({"Url": "https://example.com", "password": "hunter22"}) == {
        "Url": "https://example.com",
        "password": "***",
    }
