"""The section ``data``: what to learn from."""

from typing import Annotated, TypeAlias, get_args

from pydantic import Field

from mlpcli.config.schema.data.base import DataSection
from mlpcli.config.schema.data.cifar10 import Cifar10
from mlpcli.config.schema.data.given import Arrays, Given
from mlpcli.config.schema.data.toy import Toy
from mlpcli.config.schema.section import by_name, other_names

__all__ = ["Data", "data_sections"]

OTHER_DATA = {
    **dict.fromkeys(("make_moons", "two_moons"), "moons"),
    **dict.fromkeys(("make_circles", "rings"), "circles"),
    **dict.fromkeys(("make_blobs", "gaussians", "clouds", "clusters"), "blobs"),
    **dict.fromkeys(("swirl", "swirls"), "spiral"),
    **dict.fromkeys(("surface", "hills", "multi_gaussian", "reg_gauss", "gauss"), "peaks"),
    "cifar": "cifar10",
    **dict.fromkeys(("table", "tsv", "file"), "csv"),
    "numpy": "npz",
}

Data: TypeAlias = Annotated[
    Toy | Cifar10 | Given,
    Field(discriminator="name"),
    other_names(OTHER_DATA),
    by_name(),
]


def data_sections() -> dict[str, type[DataSection]]:
    """Return the data sets that a config file may name, each with its section."""
    sections = [section for section in get_args(get_args(Data)[0]) if section is not Arrays]
    return {get_args(section.model_fields["name"].annotation)[0]: section for section in sections}
