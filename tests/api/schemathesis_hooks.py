import itertools, os
from typing import Any
import schemathesis
n = itertools.count()
PROJECT = os.environ["ENROL_TEST_PROJECT"]

@schemathesis.hook
def before_call(context, case, kwargs):
    if isinstance(case.body, dict) and isinstance(case.body.get("cmsProjectId"), str):
        case.body["cmsProjectId"] = PROJECT
    if case.headers.get("Content-Encoding") == "gzip": del case.headers["Content-Encoding"]
    if case.meta.generation.mode.is_positive and "Idempotency-Key" in case.headers: case.headers["Idempotency-Key"] = str(next(n))
