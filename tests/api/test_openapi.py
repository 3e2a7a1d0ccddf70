import pytest, os, subprocess, sys
from tests.serving import Served
@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("described"), max_items=3, max_text_chars=32, max_picture_bytes=60) as s:
        yield s.new_project(lenient=True)

def test_it(opened):
    env = os.environ | {"ENROL_TEST_KEY": opened.key, "ENROL_TEST_PROJECT": opened.id, "PYTHONPATH": os.getcwd(), "NO_COLOR": "1"}
    subprocess.run([sys.executable, "-m", "schemathesis.cli", "--config-file", "tests/api/schemathesis.toml", "run", opened.server.url+"/openapi.json", "--continue-on-failure", "--no-color"]+os.environ.get("STARGS","").split(), env=env)
