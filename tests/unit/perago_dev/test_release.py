"""The chart in an environment: the values that helm gets."""

from perago_dev import release


def test_image_reference_becomes_repository_and_tag() -> None:
    """A registry's port is not a tag."""
    values = release.image_values("image", "localhost:5000/perago/operator:abc")
    assert values == {"image.repository": "localhost:5000/perago/operator", "image.tag": "abc"}
