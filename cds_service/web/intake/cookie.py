"""The cookie that holds a session's secret: the one thing the browser keeps."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, request

from cds_service.web.sessions import COOKIE, ungrouped


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """``secure``: sent over https only. It ends with the browser; the resume code does not."""

    secure: bool

    def secret(self) -> str | None:
        """The secret this request carries."""
        return ungrouped(request.cookies.get(COOKIE, ""))

    def keep(self, response: Response, secret: str) -> Response:
        """Has the browser keep a secret; scripts cannot read it, other sites cannot send it."""
        response.set_cookie(
            COOKIE, secret, path="/", secure=self.secure, httponly=True, samesite="Lax"
        )
        return response

    def forget(self, response: Response) -> Response:
        """Has the browser forget it."""
        response.delete_cookie(COOKIE, path="/", secure=self.secure, httponly=True, samesite="Lax")
        return response
