"""What an image holds, as a bill of materials in CycloneDX's JSON. Pure: the same contents are the same bytes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from perago_dev.artifacts.inventory import Distribution, Inventory, Package
from perago_dev.artifacts.plan import LICENCE, Release

_licences = LicenseFactory()


def document(
    release: Release, image: str, architecture: str, digest: str, held: Inventory, wheels: Mapping[str, str]
) -> str:
    """The document about an image, which is pulled by `digest`; `wheels` has the SHA-256 of wheels by distribution."""
    qualifiers = {"arch": architecture, "tag": release.version}
    root = _component(
        ComponentType.CONTAINER,
        PackageURL("oci", "", f"perago-{image}", digest, qualifiers),
        release.version,
        _licence(LICENCE),
    )
    bom = Bom(
        components=[*_system(held), *(_package(package, held) for package in held.packages), *_python(held, wheels)]
    )
    bom.metadata.component = root
    bom.metadata.timestamp = datetime.fromtimestamp(release.commit.moment, UTC)
    bom.serial_number = uuid5(NAMESPACE_URL, str(root.purl))
    bom.register_dependency(root, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _component(
    kind: ComponentType, purl: PackageURL, version: str, licences: Sequence[License], digest: str = ""
) -> Component:
    return Component(
        type=kind,
        name=purl.name,
        version=version,
        purl=purl,
        bom_ref=str(purl),
        licenses=licences,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else [],
    )


def _licence(text: str) -> list[License]:
    """An SPDX id or expression where the text is one, else its name."""
    return [_licences.make_from_string(text)] if text else []


def _system(held: Inventory) -> list[Component]:
    name, version = held.system.get("ID", ""), held.system.get("VERSION_ID", "")
    return (
        [Component(type=ComponentType.OPERATING_SYSTEM, name=name, version=version, bom_ref=f"{name}-{version}")]
        if name
        else []
    )


def _package(package: Package, held: Inventory) -> Component:
    distro = f"{held.system['ID']}-{held.system['VERSION_ID']}"
    qualifiers = {"arch": package.architecture, "distro": distro, "upstream": package.source}
    purl = PackageURL("deb", held.system["ID"], package.name, package.version, qualifiers)
    named = [_licences.make_with_name(name) for name in package.licences]  # Debian's names, which differ from SPDX's
    return _component(ComponentType.LIBRARY, purl, package.version, named)


def _python(held: Inventory, wheels: Mapping[str, str]) -> list[Component]:
    own = [PackageURL("generic", "", "python", held.python)] if held.python else []
    return [
        *(_component(ComponentType.APPLICATION, purl, held.python, _licence("PSF-2.0")) for purl in own),
        *(_distribution(distribution, wheels.get(distribution.name, "")) for distribution in held.distributions),
    ]


def _distribution(distribution: Distribution, digest: str) -> Component:
    purl = PackageURL("pypi", "", distribution.name, distribution.version)
    return _component(ComponentType.LIBRARY, purl, distribution.version, _licence(distribution.licence), digest)
