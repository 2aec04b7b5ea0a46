"""Apply a multi-site network to a site, seen in training or not.

Cover, soil, heights and all else that it needs come from the forcing file; no measured flux is needed. The result is a
model like those of `lad train`.
"""

import argparse
from pathlib import Path

from lad.forcing import read_record
from lad.provenance import provenance
from lad.training.files import load_hybrid, save_hybrid
from lad.training.sites import unseen_anchor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad apply`."""
    parser.add_argument(
        "--network", type=Path, required=True, metavar="EQX", help="of lad train, without --parameters"
    )
    parser.add_argument("--forcing", type=Path, required=True, metavar="NC", help="forcing file of the tower")
    parser.add_argument("--output", type=Path, required=True, metavar="EQX", help="the model for this site")


def run(args: argparse.Namespace) -> None:
    """Write the model."""
    hybrid, settings = load_hybrid(args.network)
    record = read_record(args.forcing)
    anchor = unseen_anchor(args.forcing, record.reference_height, settings.attributes, settings.root_zone)
    site = record.attrs.get("site_id", "site")
    origin = provenance({"network": args.network, "forcing": args.forcing})
    save_hybrid(args.output, hybrid, settings, {site: anchor}, origin)
