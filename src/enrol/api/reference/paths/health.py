"""Is it up?"""

from typing import Final

from enrol.api.reference.answers import refusals, success
from enrol.api.reference.resource import SERVER, STORE, Resource, operation
from enrol.api.reference.schemas import Json, ref
from enrol.api.resources.health import Health
from enrol.settings import Settings


def _paths(settings: Settings) -> Json:
    healthy = success("The answer is yes.", ref("Health"), {"ok": ("Healthy", {"status": "ok"})})
    words = {
        "healthz": ("Is the process alive?", "The process answers.", SERVER),
        "readyz": ("Can it serve?", "The database answers and its writer is there.", STORE),
    }
    return {
        f"/{name}": {
            "get": operation(
                "operations", name, summary, description, {"200": healthy, **refusals(*codes)}
            )
        }
        for name, (summary, description, codes) in words.items()
    }


RESOURCE: Final = Resource(
    _paths, tags=(("operations", "Is it up? No key is needed."),), types=(Health,)
)
