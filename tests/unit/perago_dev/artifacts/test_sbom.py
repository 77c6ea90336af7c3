"""The bill of materials: a valid document that follows from what an image holds."""

import json
from dataclasses import replace
from importlib import resources
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from referencing import Registry

from perago_dev.artifacts import sbom
from perago_dev.artifacts.inventory import Distribution, Inventory, Package
from perago_dev.artifacts.plan import Commit, Release

RELEASE = Release("1.2.0", Commit("c0ffee", 1_795_755_600, "", "", ""))
DIGEST, WHEEL = f"sha256:{'1' * 64}", "2" * 64
HELD = Inventory(
    system={"ID": "debian", "VERSION_ID": "12"},
    packages=(Package("libc6", "2.36-9", "amd64", "glibc", ("BSD-3-Clause", "GPL-2+")),),
    distributions=(
        Distribution("idna", "3.20", "BSD-3-Clause"),
        Distribution("odd", "1", "do what you like"),
        Distribution("pip", "24", ""),
        Distribution("two", "1", "MIT OR Apache-2.0"),
    ),
    python="3.11.14",
)


def document(held: Inventory = HELD) -> str:
    return sbom.document(RELEASE, "operator", "amd64", DIGEST, held, {"idna": WHEEL})


@pytest.fixture(scope="module")
def components() -> dict[str, Any]:
    """The components of the document, by their names."""
    return {component["name"]: component for component in json.loads(document())["components"]}


def test_the_document_is_valid() -> None:
    """By CycloneDX's own schema."""
    folder = resources.files("cyclonedx.schema._res")
    names = ("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")
    others = {f"http://cyclonedx.org/schema/{name}": json.loads((folder / name).read_text()) for name in names}
    registry = Registry().with_contents(others.items())
    schema = json.loads((folder / "bom-1.6.SNAPSHOT.schema.json").read_text())
    jsonschema.Draft7Validator(schema, registry=registry).validate(json.loads(document()))


def test_two_documents_are_the_same_bytes() -> None:
    """Whatever the order in which things were found; nothing is random, and the time is the commit's."""
    turned = replace(HELD, distributions=HELD.distributions[::-1])
    assert document() == document(turned)
    assert json.loads(document())["metadata"]["timestamp"].startswith("2026-11-27T")


def test_the_document_is_about_the_image(components: dict[str, Any]) -> None:
    """By the digest that is pulled; everything that it holds is what it depends on."""
    whole = json.loads(document())
    about = whole["metadata"]["component"]
    assert (about["type"], about["version"]) == ("container", "1.2.0")
    assert about["purl"] == f"pkg:oci/perago-operator@sha256:{'1' * 64}?arch=amd64&tag=1.2.0"
    needed = {entry["ref"]: entry.get("dependsOn", []) for entry in whole["dependencies"]}
    assert len(needed[about["bom-ref"]]) == len(components)


def test_scanners_find_packages_by_their_purls(components: dict[str, Any]) -> None:
    """Debian's with the source that advisories are about."""
    assert components["libc6"]["purl"] == "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc"
    assert components["idna"]["purl"] == "pkg:pypi/idna@3.20"
    assert components["python"]["purl"] == "pkg:generic/python@3.11.14"
    assert (components["debian"]["type"], components["debian"]["version"]) == ("operating-system", "12")


def test_wheels_have_their_digests(components: dict[str, Any]) -> None:
    """Those that pip chose from the lock; nothing is said of others."""
    assert components["idna"]["hashes"] == [{"alg": "SHA-256", "content": WHEEL}]
    assert "hashes" not in components["pip"]


def test_licences_are_as_exact_as_they_were_told(components: dict[str, Any]) -> None:
    """An SPDX id, an expression, or a name; Debian's are names, also where they look like an id."""
    assert components["idna"]["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert components["two"]["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert components["odd"]["licenses"] == [{"license": {"name": "do what you like"}}]
    assert components["libc6"]["licenses"] == [{"license": {"name": name}} for name in ("BSD-3-Clause", "GPL-2+")]
    assert "licenses" not in components["pip"]


def test_an_image_without_debian_or_own_python_says_so() -> None:
    """An empty system is no component."""
    bare = json.loads(document(Inventory({}, (), HELD.distributions, "")))
    assert {component["name"] for component in bare["components"]} == {"idna", "odd", "pip", "two"}
