"""Put a network for many towers at one of them: seen in training, or not.

Cover, soil, heights and all else that it has to know come from the forcing file; no measured flux does. The result is a
model as `lad train` writes them.
"""

import argparse
from pathlib import Path

from lad.forcing import read_record
from lad.learn.files import save_model
from lad.many.joint import load_joint
from lad.many.place import place
from lad.provenance import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `lad place`."""
    parser.add_argument("--network", type=Path, required=True, metavar="EQX", help="of lad train-many")
    parser.add_argument("--forcing", type=Path, required=True, metavar="NC", help="forcing file of the tower")
    parser.add_argument("--output", type=Path, required=True, metavar="EQX", help="the model there")


def run(args: argparse.Namespace) -> None:
    """Write the model."""
    joint, settings = load_joint(args.network)
    here = place(args.forcing, read_record(args.forcing).reference_height, settings["attributes"])
    origin = provenance({"network": args.network, "forcing": args.forcing})
    save_model(args.output, joint.at(here), settings, origin)
