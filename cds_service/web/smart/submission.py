"""Hands the answers of the form to the EHR of their session; says in the form's words why not."""

from __future__ import annotations

from typing import Any

from cds_service.web.form.submission import NotSubmitted, Reason, Submit
from cds_service.web.smart.ehr import EhrLogin, EhrRefused, EhrUnavailable, SignInAgain
from cds_service.web.smart.flow import LaunchFlow


def delivery(entrance: LaunchFlow) -> Submit:
    """What the form calls to send answers."""

    def deliver(ehr: dict[str, Any], response: dict[str, Any], response_id: str | None) -> str:
        try:
            chart = entrance.ehr(EhrLogin.from_json(ehr))
            return chart.save_response(response, response_id)
        except SignInAgain:
            raise NotSubmitted(Reason.SIGN_IN) from None
        except EhrRefused:
            raise NotSubmitted(Reason.REFUSED) from None
        except EhrUnavailable:
            raise NotSubmitted(Reason.UNAVAILABLE) from None

    return deliver
