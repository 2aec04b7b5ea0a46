"""Files of a training: trained models, and checkpoints on the way. Both are a line of JSON, then arrays.

The line of a trained model has the settings of its law, the physical parameters at each site of its training and the
record of origin; the arrays are those of the law.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from lad.errors import InputError
from lad.fluxes import FORCING_INPUTS, LearntFluxes, Scaling
from lad.io import replacing
from lad.model import Model
from lad.parameters import check_height, from_json, to_json
from lad.settings import ModelSettings
from lad.training.hybrid import Hybrid, law_at, untrained_law
from lad.training.sites import Anchor


def save_hybrid(
    path: str | Path,
    hybrid: Hybrid,
    settings: ModelSettings,
    anchors: Mapping[str, Anchor],
    origin: Mapping[str, Any],
) -> None:
    """Write a hybrid with the settings of its law, its sites and its record of origin (`lad.provenance`)."""
    sites = {
        site: {
            "parameters": to_json(hybrid.at(anchor).parameters),
            "attributes": np.asarray(anchor.attributes).tolist(),
            "hidden": [name for name, out in zip(FORCING_INPUTS, anchor.hidden, strict=True) if out],
        }
        for site, anchor in anchors.items()
    }
    departure = {"shift": np.asarray(hybrid.shift).tolist()}
    if hybrid.mapping is not None:
        departure["mapping"] = np.asarray(hybrid.mapping).tolist()
    _write_law(path, hybrid.law, settings, departure, sites, origin)


def save_model(path: str | Path, model: Model, settings: ModelSettings, site: str = "site") -> None:
    """Write the model of one site, with the settings that its law is made from."""
    attributes = getattr(getattr(model.fluxes, "network", None), "attributes", None)
    here = {"parameters": to_json(model.parameters), "hidden": []}
    here["attributes"] = [] if attributes is None else np.asarray(attributes).tolist()
    _write_law(path, model.fluxes, settings, {"shift": []}, {site: here}, {})


def _write_law(path, law, settings, departure, sites, origin) -> None:
    header = {"settings": settings.to_dict(), **departure, "sites": sites, "provenance": dict(origin)}
    _write(path, header, law)


def load_hybrid(path: str | Path) -> tuple[Hybrid, ModelSettings]:
    """Hybrid and settings of a file of `save_hybrid`, for any site.

    Raises InputError for another file, and for a model tied to its site: of `save_model` or with calibrated parameters.
    """
    hybrid, settings, header = _read(path)
    calibrated = [
        role for role in header.get("provenance", {}).get("inputs", {}) if role.startswith("parameters ")
    ]
    if calibrated or not hybrid.shift.size:
        sites = ", ".join(header["sites"])
        raise InputError(
            f"{path}: is a model of {sites}, expected a network of lad train without --parameters"
        )
    return hybrid, settings


def hybrids_to_begin_with(paths: Sequence[str | Path], model: ModelSettings) -> list[Hybrid]:
    """The hybrids of files, for a training of `model` to start from.

    Raises InputError as `load_hybrid`, for a hybrid of another model, and for hybrids of different trainings.
    """
    found = []
    for path in paths:
        hybrid, settings = load_hybrid(path)
        theirs, ours = settings.to_dict(), model.to_dict()
        other = [key for key in ours if key != "mapping" and theirs.get(key) != ours[key]]
        if other:
            differs = ", ".join(f"{key} {theirs.get(key)}, expected {ours[key]}" for key in other)
            raise InputError(f"{path}: is a network of another model: {differs}")
        found.append(hybrid)
        scaling = [one.law.network.scaling for one in found if isinstance(one.law, LearntFluxes)]
        if scaling and not eqx.tree_equal(scaling[0], scaling[-1]):
            raise InputError(f"{path}: is of another training than {paths[0]}, expected seeds of one")
    return found


def load_model(path: str | Path, site: str | None = None, height: float | None = None) -> Model:
    """The trained model of a file at `site`, which may be omitted if it was trained at one site.

    Raises InputError for a file that is no trained model, or not of this site, or not for forcing at `height` (m).
    """
    hybrid, _, header = _read(path)
    sites = header["sites"]
    if site is None and len(sites) == 1:
        (site,) = sites
    if site not in sites:
        asked = "one of these sites" if site is None else site
        raise InputError(f"{path}: is a model of {', '.join(sites) or 'no site'}, expected {asked}")
    here = sites[site]
    hidden = np.array([name in here["hidden"] for name in FORCING_INPUTS])
    law = law_at(hybrid.law, jnp.asarray(here["attributes"], dtype=float), hidden)
    parameters = from_json(here["parameters"], str(path))
    if height is not None:
        check_height(parameters, height, str(path))
    return Model(parameters, law)


def training_record(path: str | Path) -> dict[str, Any]:
    """Settings of a model's training from its file, empty if it records none; InputError if it is no model."""
    with _opened(path) as (header, _):
        return header.get("provenance", {}).get("settings", {})


def _read(path: str | Path) -> tuple[Hybrid, ModelSettings, dict[str, Any]]:
    with _opened(path) as (header, file):
        settings = ModelSettings.parse(header["settings"], str(path))
        scaling = Scaling.empty(settings.seen_states, settings.seen_antecedents, settings.attributes)
        law = eqx.tree_deserialise_leaves(file, untrained_law(settings, scaling, 0))
        mapping = header.get("mapping")
        mapping = None if mapping is None else jnp.asarray(mapping)
        return Hybrid(law, jnp.asarray(header["shift"]), mapping), settings, header


def save_checkpoint(path: Path | None, fingerprint: str, history: list, arrays: Any) -> None:
    """Write `history` (JSON) and the tree `arrays` of the search `fingerprint`; without a path do nothing."""
    if path is not None:
        _write(path, {"fingerprint": fingerprint, "history": history}, arrays)


def resume(path: Path | None, fingerprint: str, fresh: Any) -> tuple[list, Any]:
    """History and arrays at `path`; if absent or of another search, [] and `fresh`, of the same structure.

    A search without a fingerprint is never resumed. A damaged file counts as absent, which is reported on stderr.
    """
    if path is None or not fingerprint or not path.exists():
        return [], fresh
    try:
        with open(path, "rb") as file:
            header = json.loads(file.readline())
            if header["fingerprint"] != fingerprint:
                return [], fresh
            return header["history"], eqx.tree_deserialise_leaves(file, fresh)
    except Exception as error:  # a damaged file can make the readers raise anything
        print(f"{path}: damaged ({type(error).__name__}), the search begins again", file=sys.stderr)
        return [], fresh


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints in a folder whose results are written."""
    for path in folder.glob("checkpoint*.eqx"):
        path.unlink(missing_ok=True)


def _write(path: str | Path, header: Mapping[str, Any], arrays: Any) -> None:
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write((json.dumps(header) + "\n").encode())
        eqx.tree_serialise_leaves(file, arrays)


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[dict[str, Any], BinaryIO]]:
    """Header of a file of `save_hybrid`, and the file, positioned at its arrays.

    Raises InputError if the file is absent or turns out to be no trained model.
    """
    try:
        with open(path, "rb") as file:
            yield json.loads(file.readline()), file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except Exception as error:  # a foreign or truncated file can make the readers raise anything
        raise InputError(f"{path}: not a trained model of lad ({type(error).__name__})") from None
