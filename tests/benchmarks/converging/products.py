"""Six small products, each planned as one milestone: what both arms begin with."""

import json
from pathlib import Path

PRODUCTS: list[dict] = json.loads(Path(__file__).with_name("products.json").read_text("utf-8"))


def plan(product: dict) -> str:
    """The Planner's answer, which no agent is asked for: JSON text."""
    milestone = {
        "id": "milestone-1-mvp",
        "title": product["title"],
        "release": "mvp",
        "description": product["idea"],
        "acceptance_criteria": [
            {"id": f"M1-C{number}", "text": text}
            for number, text in enumerate(product["criteria"], 1)
        ],
        "dependencies": [],
        "feedback": [],
    }
    made = {"product_name": product["name"], "summary": product["idea"], "milestones": [milestone]}
    return json.dumps(made)
