import functools
import json
import os
import shlex
import sys
from pathlib import Path

import yaml

from lad import lock, snakemake_internals
from lad.errors import InputError
from lad.periods import NAMES
from lad.plan import Plan
from lad.settings.files import anchor
from lad.settings.study import checked
from lad.snakemake_internals import settings_sources
from lad.step_code import code
from lad.towers.sites import read_rows

# Failures of the previous run by site or study, if this run makes the tables of the rest: see unfinished.smk.
failed = config.pop("failed", {})
sources = settings_sources(workflow)
for name, text in sources.items():
    anchor(config, yaml.safe_load(text) or {}, Path() if name.startswith("-") else Path(name).parent)
given = dict(config)

try:
    settings = checked(config, sources)
    own_sites = read_rows(settings["sites_table"]) if "sites_table" in settings else {}
    plan = Plan(settings, [read_rows(), own_sites], failed)
except InputError as error:
    sys.exit(f"configuration: error: {error}")

config = settings


wildcard_constraints:
    site="|".join(config["sites"]),
    study="|".join(plan.studies),
    model="|".join(config["models"]),
    ensemble="|".join(config["ensembles"]) or "none",
    seed=r"\d+",
    fold=r"[A-Za-z0-9-]+",
    years=r"[1-9]\d*",


# The steps run in the environment of Snakemake itself, activated or not.
os.environ.update(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.getenv('PATH')}")

# A step ends with the Snakemake that started it, and so does the one that makes the tables of the sites that finished.
started_by = os.getenv(lock.VARIABLE)
os.environ[lock.VARIABLE] = lock.this_run()
if not snakemake_internals.is_cluster_job(workflow):
    os.environ.setdefault(lock.SENT_BY, lock.this_run())
elif lock.SENT_BY in os.environ:
    # Here, before Snakemake removes what the job is to make.
    try:
        lock.join_from_afar(os.environ[lock.SENT_BY])
    except InputError as error:
        sys.exit(f"run: error: {error}")

# Compiled programs are kept between the many short jobs, whatever their size and compile time.
for variable, value in {
    "JAX_COMPILATION_CACHE_DIR": str(Path(".cache/jax").resolve()),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}.items():
    os.environ.setdefault(variable, value)


def ends_run(function):
    """`function`, whose InputError ends the run with one line: Snakemake would print several."""

    @functools.wraps(function)
    def ending(*arguments):
        try:
            return function(*arguments)
        except InputError as error:
            sys.exit(f"run: error: {error}")

    return ending


def growing(amount, of_site=0):
    """Resource function: `amount` (MB, minutes) in the first attempt, twice as much in the second and so on.

    A step of a study asks for `of_site` more for each of its sites.
    """

    def asked(wildcards, attempt):
        sites = len(plan.members[wildcards.study]) if of_site else 0
        return (amount + of_site * sites) * attempt

    return asked


def labelled(files):
    """Label and file of several, as LABEL=FILE."""
    return [f"{label}={file}" for label, file in files.items()]


def of_sites(file):
    """Input function: a file of each site of a study."""
    return lambda wildcards: expand(file, site=plan.members[wildcards.study])


simulation_options = (
    "--radiation {radiation} --spinup-passes {spinup_passes} --integrator {integrator}".format(
        **config["simulation"]
    )
)


def proposed_periods(wildcards):
    """Input function: the file of the site's proposed periods, if the settings have none."""
    return [rules.periods.output.periods] if plan.proposes_periods(wildcards.site) else []


def period_options(*names):
    """Parameter function: the periods `names` of a site, of the settings or of the file of proposed ones.

    It does not use the job's input: a parameter made from input does not make the job run again.
    """
    return lambda wildcards: plan.period_options(wildcards.site, names)


def prescribed_radiation(wildcards):
    """Input function: the file of measured net radiation, if the settings prescribe it."""
    prescribed = config["simulation"]["radiation"] == "prescribed"
    return f"results/{wildcards.site}/forcing/observations.nc" if prescribed else []


def radiation_option(wildcards):
    """Parameter function: the option that names that file."""
    file = prescribed_radiation(wildcards)
    return f"--net-radiation {file}" if file else ""


def failure_options(places):
    """Options that name which of `places`, sites or a study, failed, and why."""
    found = [place for place in dict.fromkeys(places) if place in failed]
    return [f"--missing {place}={shlex.quote(failed[place]['why'])}" for place in found]


def missing(wildcards):
    """Parameter function: the sites that a study's tables lack."""
    return failure_options(plan.missing(wildcards.study))
