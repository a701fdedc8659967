"""The intake as a made-up person answered it: only questions the form shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from cds_service.content import Content
from cds_service.content.model import Question
from cds_service.fhir.questionnaire_response import Showing
from cds_service.fhir.questionnaire_response.tree import Answer

DAYS = 3  # answered at most so long ago
MAX_CHOICES = 2  # ticked of an item that takes several


def made_response(
    content: Content,
    random: Random,
    profile: Mapping[str, Any],
    name: str,
    gender: str,
    now: datetime,
) -> dict[str, Any]:
    """A completed QuestionnaireResponse of the person with this id."""
    form, usable = content.questionnaire, dict[str, list[Answer]]()
    items = []
    for link_id, question in form.items.items():
        if question.kind not in ("choice", "integer"):
            continue
        if not Showing.of_answers(form.form, usable).shown(question.item):
            continue
        answers = _answers(random, profile, question, gender)
        if answers:
            items.append({"linkId": link_id, "answer": answers})
            usable[link_id] = [
                Answer(key.removeprefix("value"), value, "")
                for answer in answers
                for key, value in answer.items()
            ]
    subject = {"reference": f"Patient/{name}"}
    authored = now - timedelta(hours=random.randint(1, 24 * DAYS))
    return {
        "resourceType": "QuestionnaireResponse",
        "id": f"{name[:18]}-answers",
        "questionnaire": f"{form.url}|{form.resource['version']}",
        "status": "completed",
        "subject": subject,
        "author": subject,
        "authored": authored.isoformat(timespec="seconds"),
        "item": items,
    }


def _answers(
    random: Random, profile: Mapping[str, Any], question: Question, gender: str
) -> list[dict[str, Any]]:
    if question.link_id == "organs":
        listed = profile["organs"].get(gender, profile["organs"]["other"])
        chosen = random.choices([o for o, _ in listed], [weight for _, weight in listed])[0]
    elif random.random() < profile["blank"]:
        return []
    elif question.kind == "integer":
        return [{"valueInteger": random.randint(1, 9)}]
    elif question.link_id in profile["answers"]:
        weights = profile["answers"][question.link_id]
        known = [code for code in weights if code in question.options]
        chosen = random.choices(known, [weights[code] for code in known])
    elif question.exclusive and random.random() < profile["nothing"]:
        chosen = ["none" if "none" in question.exclusive else min(question.exclusive)]
    else:
        options = [code for code in question.options if code not in question.exclusive]
        chosen = random.sample(options, random.randint(1, MAX_CHOICES if question.repeats else 1))
    return [{"valueCoding": {"system": question.system[code], "code": code}} for code in chosen]
