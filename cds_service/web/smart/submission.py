"""Writes the answers of the form to the EHR of their session."""

from __future__ import annotations

from typing import Any

from cds_service.web.form.submission import NotSubmitted, Reason, Submit
from cds_service.web.smart.ehr import EhrLogin, EhrRefused, EhrUnavailable, SignInAgain
from cds_service.web.smart.flow import LaunchFlow


def submit_with(flow: LaunchFlow) -> Submit:
    """Makes the form's ``Submit`` of the EHRs behind a login."""

    def submit(ehr: dict[str, Any], response: dict[str, Any]) -> str:
        try:
            chart = flow.ehr(EhrLogin.from_json(ehr))
            return chart.save_response(response)
        except SignInAgain:
            raise NotSubmitted(Reason.SIGN_IN) from None
        except EhrRefused:
            raise NotSubmitted(Reason.REFUSED) from None
        except EhrUnavailable:
            raise NotSubmitted(Reason.UNAVAILABLE) from None

    return submit
