"""`perago register`, as far as it can be judged without a server: options, credentials, what is missing."""

import base64
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from perago.cli import main
from perago.cli.credentials import Header, KeyPair, address
from perago.cli.output import Misused
from tests.unit.perago.cli.conftest import GOOD, ModuleMaker

URL = "https://conductor.example.org/api"
NOWHERE = "http://127.0.0.1:1/api"


def header(variables: dict[str, str], url: str = URL, token_header: str = "Authorization") -> tuple[str, str]:
    """The header that is sent."""
    found = address(url, token_header, variables).credentials
    assert isinstance(found, Header)
    return found.name, found.value


def basic(text: str) -> tuple[str, str]:
    """The header of basic authentication."""
    return "Authorization", "Basic " + base64.b64encode(text.encode()).decode()


def test_the_option_wins_over_the_variable() -> None:
    """And the variable alone will do."""
    variables = {"CONDUCTOR_SERVER_URL": "http://elsewhere/api/"}
    assert address(URL, "Authorization", variables).url == URL
    assert address(None, "Authorization", variables).url == "http://elsewhere/api"


@pytest.mark.parametrize("token_header", ["Authorization", "X-Authorization"])
def test_a_token_goes_where_it_is_wanted(token_header: str) -> None:
    """As a bearer token in Authorization, as it is in X-Authorization; a line break at its end does not count."""
    want = "Bearer t0ken" if token_header == "Authorization" else "t0ken"
    assert header({"CONDUCTOR_AUTH_TOKEN": " t0ken\n"}, token_header=token_header) == (token_header, want)


def test_a_user_comes_from_variables_or_from_the_url() -> None:
    """The URL that is shown has none."""
    assert header({"CONDUCTOR_USERNAME": "me", "CONDUCTOR_PASSWORD": "a:ü"}) == basic("me:a:ü")
    assert header({}, "https://me:a%3A%C3%BC@host:8443/api") == basic("me:a:ü")
    assert address("https://me:secret@host:8443/api", "Authorization", {}).url == "https://host:8443/api"


def test_a_key_is_kept_for_the_exchange() -> None:
    """Conductor makes a token of it."""
    found = address(URL, "Authorization", {"CONDUCTOR_AUTH_KEY": "id", "CONDUCTOR_AUTH_SECRET": "s3cret"}).credentials
    assert isinstance(found, KeyPair)
    assert (found.key, found.secret) == ("id", "s3cret")


def test_credentials_do_not_show_in_a_representation() -> None:
    """Tracebacks and logs carry those."""
    variables = {"CONDUCTOR_AUTH_KEY": "s3cret", "CONDUCTOR_AUTH_SECRET": "s3cret"}
    assert "s3cret" not in repr(address(URL, "Authorization", variables))
    assert "s3cret" not in repr(address(URL, "Authorization", {"CONDUCTOR_AUTH_TOKEN": "s3cret"}))


def test_empty_variables_count_as_not_set() -> None:
    """A shell script exports them so."""
    assert address(URL, "Authorization", {"CONDUCTOR_AUTH_TOKEN": "", "CONDUCTOR_USERNAME": " "}).credentials is None


UNUSABLE = {
    "no address": ("", {}, "--url"),
    "no scheme": ("conductor.example.org/api", {}, "must be a URL"),
    "another scheme": ("ftp://host/api", {}, "must be a URL"),
    "a bad port": ("http://host:port/api", {}, "must be a URL"),
    "a query": ("http://host/api?x=1", {}, "must be a URL"),
    "half a key": (URL, {"CONDUCTOR_AUTH_KEY": "s3cret"}, "CONDUCTOR_AUTH_SECRET is not"),
    "half a user": (URL, {"CONDUCTOR_PASSWORD": "s3cret"}, "CONDUCTOR_USERNAME is not"),
    "two kinds": ("http://me:s3cret@h", {"CONDUCTOR_AUTH_TOKEN": "s3cret"}, "keep one"),
    "a line break": (URL, {"CONDUCTOR_AUTH_TOKEN": "s3cret\ns3cret"}, "a header cannot carry"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_unclear_settings_are_refused(case: str) -> None:
    """By the option's or variable's name, and without the secret."""
    url, variables, words = UNUSABLE[case]
    with pytest.raises(Misused) as refused:
        address(url, "Authorization", variables)
    (problem,) = refused.value.problems
    assert words in problem.message
    assert "s3cret" not in problem.message


def test_nothing_to_register_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a module nor a file."""
    assert main(["register", "--url", NOWHERE]) == 2
    assert "MODULE" in capsys.readouterr().err


def test_the_problems_of_all_modules_are_told(module: ModuleMaker, capsys: pytest.CaptureFixture[str]) -> None:
    """Before any request; a task that two modules declare is one."""
    broken, once, again = module(GOOD.replace("a@example.org", "")), module(GOOD), module(GOOD)
    assert main(["register", broken, once, again, "no_such_module", "--url", NOWHERE]) == 1
    told = capsys.readouterr().err
    assert "owner_email" in told
    assert f"module '{again}' declares task 'text.repeat', as another module does" in told
    assert "there is no module 'no_such_module'" in told


FILES = {
    "not JSON": ("{", "is not JSON"),
    "a list": ("[]", "a JSON object"),
    "nameless": ("{}", "has no name"),
    "an odd version": ('{"name": "w", "version": "1"}', "version must be a whole number"),
}


@pytest.mark.parametrize("case", [*FILES, "absent"])
def test_a_file_that_holds_no_workflow_is_refused(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name, with the reason."""
    text, words = FILES.get(case, ("", "No such file"))
    file = tmp_path / "workflow.json"
    if text:
        file.write_text(text)
    assert main(["register", "--workflow", str(file), "--url", NOWHERE]) == 2
    told = capsys.readouterr().err
    assert str(file) in told
    assert words in told


def test_a_missing_client_is_named_with_its_extra(
    good: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command to install it is in the message."""
    monkeypatch.setitem(sys.modules, "conductor.client.configuration.configuration", None)
    assert main(["register", good, "--url", NOWHERE, "--json"]) == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert "pip install 'perago[conductor]'" in problem["message"]


class Absent(BaseHTTPRequestHandler):
    """A Conductor that has no definitions."""

    def do_GET(self) -> None:
        message = f"No such task: {self.path.rpartition('/')[2]}"
        body = json.dumps({"status": 404, "message": message}).encode()
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate for this machine that nobody has signed, together with its key."""
    file = tmp_path / "c.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    subprocess.run([*new, *subject, "-keyout", tmp_path / "k.pem", "-out", file], check=True, capture_output=True)
    return file


@pytest.fixture
def secure(authority: Path) -> Iterator[str]:
    """The URL of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, authority.with_name("k.pem"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Absent) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}/api"
        server.shutdown()
        thread.join()


def test_an_authority_of_ones_own_is_read_from_a_file(
    good: str, secure: str, authority: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it, the message names the variable."""
    monkeypatch.setenv("NO_PROXY", "*")
    assert main(["register", good, "--dry-run", "--url", secure]) == 3
    assert "name the file with its authority's certificates in SSL_CERT_FILE" in capsys.readouterr().err
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    assert main(["register", good, "--dry-run", "--url", secure]) == 0
    assert capsys.readouterr().out == "task 'text.repeat': would be created\n"
