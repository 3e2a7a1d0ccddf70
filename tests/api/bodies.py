"""Bodies: the examples of the compatible API, and such as no JSON encoder would write."""

import json
from typing import Any

from tests.customers.vectors import FOLDER
from tests.serving import Project

# The parts of the only customer of a body.
CLAIM = "/customerData/0/customerClaims"
WALLET = "/customerData/0/customerWallet"
DID = "/customerData/0/customerDid"


def raw(project: Project, claims: str = '"name":"A"') -> bytes:
    """A body with one customer, whose claims are this text."""
    head = f'{{"customerType":"Individual","cmsProjectId":"{project.id}",'
    return f'{head}"customerData":[{{"customerClaims":{{{claims}}}}}]}}'.encode()


def example(name: str, project: Project) -> dict[str, Any]:
    """A body of the compatible API, for this project."""
    text = (FOLDER / "compat" / f"create-customers.{name}.json").read_text("utf-8")
    body: dict[str, Any] = json.loads(text)
    return body | {"cmsProjectId": project.id}
