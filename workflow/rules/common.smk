import ast
import atexit
import json
import os
import re
import shlex
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

from snakemake.io import is_flagged

from lad import lock
from lad.errors import InputError
from lad.evaluation.models import BASELINES, SEEDED_BASELINES, too_many
from lad.io import remove_parts
from lad.periods import NAMES
from lad.settings.study import checked
from lad.towers.archives import find_archives, missing_message
from lad.towers.fetch import source_file
from lad.towers.sites import read_rows

# Of the run before, by site or study, where the tables of the sites that finished are made: see unfinished.smk.
failed = config.pop("failed", {})


def settings_sources():
    """What the settings were merged from, in this order: name → text."""
    here, files = Path.cwd(), [*workflow.overwrite_configfiles]
    if Path("config.yaml").exists():  # Snakemake does without where others are given
        files.insert(0, here / "config.yaml")
    texts = {
        str(file.relative_to(here) if file.is_relative_to(here) else file): file.read_text(encoding="utf-8")
        for file in files
    }
    return texts | {"--config": json.dumps(dict(workflow.config_settings.config), default=str)}


try:
    settings = checked(config, settings_sources())
    own_sites = read_rows(config["sites_table"]) if "sites_table" in config else {}
    package_sites = read_rows()
except InputError as error:
    sys.exit(f"configuration: error: {error}")


def having(step, sites, failed=failed):
    """Those of `sites` that have the results of a step: it is made for them, and is not among what `failed` there."""
    own = settings.get(step, {})
    chosen = own["sites"] if "sites" in own else sites
    return [site for site in sites if site in chosen and step not in failed.get(site, {}).get("steps", ())]


def whole(sites, failed=failed):
    """Those of `sites` that have what the tables of a study are made of."""
    return having("periods", having("evaluate", sites, failed), failed)


# Every site is a study of its own too.
studies = {site: [site] for site in settings["sites"]} | settings["studies"]
config = settings | {"studies": {study: whole(sites) for study, sites in studies.items()}}


wildcard_constraints:
    site="|".join(config["sites"]),
    study="|".join(config["studies"]),
    model="|".join(config["models"]),
    seed=r"\d+",
    fold=r"[A-Za-z0-9-]+",


# The steps run in the environment of Snakemake itself, activated or not.
os.environ.update(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.getenv('PATH')}")

# A step ends with the Snakemake that started it, and so does the one that makes the tables of the sites that finished.
started_by = os.getenv(lock.VARIABLE)
os.environ[lock.VARIABLE] = lock.this_run()
if not workflow.remote_exec:
    os.environ.setdefault(lock.SENT_BY, lock.this_run())
elif lock.SENT_BY in os.environ:
    # Here, before Snakemake removes what the job is to make anew.
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


def growing(amount, of_site=0):
    """Resource function: `amount` (MB, minutes) in the first attempt, twice as much in the second and so on.

    A step of a study asks for `of_site` more for each of its sites.
    """

    def asked(wildcards, attempt):
        sites = len(config["studies"][wildcards.study]) if of_site else 0
        return (amount + of_site * sites) * attempt

    return asked


def code(step):
    """The files of `lad` that a step imports, directly or not: a change of one of them reruns the step."""
    files, todo = set(), [f"lad.steps.{step}"]
    while todo:
        name = todo.pop()
        path = name.replace(".", "/")
        file = next(filter(Path.is_file, [Path(f"{path}.py"), Path(path, "__init__.py")]), None)
        if not name.startswith("lad") or file is None or str(file) in files:
            continue
        files.add(str(file))
        todo.append(name.rpartition(".")[0])  # a package runs before its modules
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                todo += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return sorted(files)


def proposed_periods(wildcards):
    """Input function: the file of the site's proposed periods, if the settings have none."""
    return [] if "test" in config["sites"][wildcards.site] else [rules.periods.output.periods]


def period_options(*names):
    """Parameter function: the periods `names` of a site, of the settings or of the file of proposed ones.

    It knows nothing of the job's input: a parameter made of that does not make the job run again.
    """

    def options(wildcards):
        site = config["sites"][wildcards.site]
        if "test" not in site:
            return f"--periods results/{wildcards.site}/periods/periods.json"
        return " ".join(f"--{name} {' '.join(':'.join(days) for days in site[name])}" for name in names)

    return options


def site_row(wildcards):
    """What the tables tell of a site: a parameter, so that a change of it reruns this site alone."""
    return package_sites.get(wildcards.site, {}) | own_sites.get(wildcards.site, {})


def site_options(wildcards):
    """Options that name the user's table of sites, for the sites in it, and the site's own metadata."""
    table = ["--sites", config["sites_table"]] if wildcards.site in own_sites else []
    metadata = config["sites"][wildcards.site].get("metadata", {})
    pairs = [word for name, value in metadata.items() for word in ("--metadata", f"{name}={value}")]
    return shlex.join(table + pairs)


def service_options(wildcards):
    """Options that name the download services."""
    given = {name: value for name, value in config["fetch"].items() if value is not False}
    pairs = [(f"--{name}",) if value is True else (f"--{name}", str(value)) for name, value in given.items()]
    return shlex.join(word for pair in pairs for word in pair)


def lai_file(wildcards):
    """The site's table of leaf area index, if it has one."""
    return config["sites"][wildcards.site].get("lai", [])


def archive_patterns(wildcards):
    """File names of the site's archives where the configuration restricts them, with * and ?."""
    return config["sites"][wildcards.site].get("archive", [])


archive_folders = [config["archives"], "data"]
# What to do by site; told for all sites at once, before the first job or after a dry run.
missing_archives = {}


def archive_option(wildcards):
    """Options that restrict the site's archives."""
    return [f"--archive {shlex.quote(pattern)}" for pattern in archive_patterns(wildcards)]


def archives(wildcards):
    """The site's archives in the user's folder and in data/; without any, the step downloads them.

    What it downloaded is no input: in the next run there would be inputs that were not there before, and all would
    be made anew.
    """
    found = find_archives(wildcards.site, archive_folders, archive_patterns(wildcards))
    if not found and wildcards.site not in missing_archives:
        message = missing_message(wildcards.site, config["archives"], archive_patterns(wildcards))
        missing_archives[wildcards.site] = message
    return [str(path) for path in found if not source_file(path).exists()]


def told_missing():
    """What to do about missing archives, a line each."""
    lines = sorted(missing_archives.values())
    if lines and not Path(config["archives"]).is_dir():
        lines.insert(
            0, f"archives: {config['archives']}: no such folder, it will be made for what is downloaded"
        )
    return "\n".join(lines)


@atexit.register
def tell_missing_of_dry_run():
    """A dry run has no onstart, and tells last what would else stand above hundreds of jobs."""
    if workflow.dryrun and missing_archives:
        print(
            "archives: a run first tries to download what the folders lack",
            told_missing(),
            sep="\n",
            file=sys.stderr,
        )


def archive_sizes(wildcards):
    """Parameter function: a replaced archive also counts if its date is older than that of the results."""
    return [os.path.getsize(path) for path in archives(wildcards)]


def archive_folder(wildcards, input):
    """Parameter function: the folder of the archives; the user's, where nothing is found, is only told about."""
    return str(Path(input.archives[0]).parent) if input.archives else config["archives"]


def reachable(url):
    """Whether a server answers at all; asked only when an archive is missing."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def prescribed_radiation(wildcards):
    """Input function: the file of measured net radiation, if the settings prescribe it."""
    prescribed = config["simulation"]["radiation"] == "prescribed"
    return f"results/{wildcards.site}/forcing/observations.nc" if prescribed else []


def radiation_option(wildcards):
    """Parameter function: the option that names that file."""
    file = prescribed_radiation(wildcards)
    return f"--net-radiation {file}" if file else ""


def of_seeds(site, step, ending):
    """Label `model/seed` and file of what a step makes for each seed of each model."""
    return {
        f"{model}/{seed}": f"results/{site}/{step}/{model}/seed{seed}.{ending}"
        for model in config["models"]
        for seed in range(config["seeds"])
    }


def simulations(wildcards):
    """Label and file of every simulation of a site: `bulk`, the calibrated LaD, and `model/seed`."""
    return {"bulk": f"results/{wildcards.site}/simulate/bulk.nc"} | of_seeds(wildcards.site, "simulate", "nc")


def baselines(wildcards):
    """Label and file of every baseline of a site: `name`, or `name/seed` of those with seeds."""
    files = {}
    for name in config["baselines"]:
        stem = f"results/{wildcards.site}/baselines/{name}"
        if name in SEEDED_BASELINES:
            files |= {f"{name}/{seed}": f"{stem}/seed{seed}.nc" for seed in range(config["seeds"])}
        else:
            files[name] = f"{stem}.nc"
    return files


def scored(wildcards):
    """Label and file of all that is scored at a site."""
    return baselines(wildcards) | simulations(wildcards)


def trained_models(wildcards):
    """Label and file of every trained model of a site."""
    return of_seeds(wildcards.site, "train", "eqx")


def trained_through(wildcards):
    """Label `integrator/seed` and file of the networks of the numerical daemons.

    Those trained through the solver of all trainings are the model of that name itself.
    """
    settings, common = config["daemons"], config["simulation"]["integrator"]
    folders = {name: f"daemons/{name}" for name in settings["integrators"]}
    if common in folders:
        folders[common] = f"train/{settings['model']}"
    return {
        f"{name}/{seed}": f"results/{wildcards.site}/{folder}/seed{seed}.eqx"
        for name, folder in folders.items()
        for seed in range(config["seeds"])
    }


def model_settings(model):
    """What a model is: its settings without those of its training."""
    return {name: value for name, value in config["models"][model].items() if name != "training"}


def law_module(model):
    """The file of a flux law of the user's own, where it lies in the folder: a change of it trains again."""
    name, colon, _ = config["models"][model]["law"].partition(":")
    file = Path(*name.split(".")).with_suffix(".py")
    return [str(file)] if colon and file.is_file() else []


def training_settings(model):
    """How a model is trained: the common settings, and its own."""
    return config["training"] | config["models"][model].get("training", {})


def made(sites):
    """A file of each step that the tables are made from: a study makes again what is gone of them."""
    of_sites = [rules.fetch.output.source, rules.gapfill.output.tower, rules.forcing.output.forcing]
    of_sites += [rules.calibrate.output.parameters, rules.evaluate.output.scores]
    files = expand(of_sites, site=sites)
    for site in sites:
        wildcards = SimpleNamespace(site=site)
        files += [*trained_models(wildcards).values(), *scored(wildcards).values()]
        files += trained_through(wildcards).values() if having("daemons", [site]) else []
    return files


def histories(wildcards):
    """Label and file of the course of every training of a study."""
    return {
        f"{site}/{model}": f"results/{site}/train/{model}/history.csv"
        for site in config["studies"][wildcards.study]
        for model in config["models"]
    }


def knock_outs():
    """Models whose network sees less than all states → the model that is the same but for that."""
    models = config["models"]
    blinded = {
        name: own | {"states": True} for name, own in models.items() if own.get("states", True) is not True
    }
    return {blind: name for blind, same in blinded.items() for name, own in models.items() if own == same}


def detailed(wildcards):
    """Sites of a study that its report shows itself: all, or none of many, which have pages of their own."""
    members = config["studies"][wildcards.study]
    return [] if too_many(members) else members


def pages(wildcards):
    """Site and page of those that the report of a study only points to."""
    shown_here = detailed(wildcards)
    others = [site for site in config["studies"][wildcards.study] if site not in shown_here]
    return {site: f"results/{site}/report.html" for site in others}


def shown(wildcards):
    """Section, `study` or a site, and file of what a report shows beside the scores.

    Tables and figures that rules mark with `report()`, and the records of each site.
    """
    members, files = detailed(wildcards), []
    for step in workflow.rules:
        for file in step.output:
            if not is_flagged(file, "report") or Path(file).suffix not in (".csv", ".png"):
                continue
            if step.wildcard_names == {"site"}:
                files += [
                    (site, str(file.apply_wildcards({"site": site}))) for site in having(step.name, members)
                ]
            elif step.wildcard_names == {"study"} and (step.name != "joint" or together(wildcards.study)):
                files.append(("study", str(file.apply_wildcards(wildcards))))
    files.remove(("study", f"results/{wildcards.study}/scores.csv"))  # has tables of its own
    records = ["fetch/source", "periods/periods", "calibrate/parameters", "evaluate/scores"]
    return files + [(site, f"results/{site}/{name}.json") for site in members for name in records]


def igbp(site):
    """IGBP class of a site, as far as settings and tables tell it."""
    rows = (config["sites"][site].get("metadata", {}), own_sites.get(site, {}), package_sites.get(site, {}))
    return next((row["igbp"] for row in rows if row.get("igbp")), None)


def folds(study):
    """Name → sites of each training of one network: `all`, then what is left out, a site or a class of several.

    Leave-one-site-out and leave-one-type-out. Ends the run for a site of a class that no table tells.
    """
    members = config["studies"][study]
    unknown = [site for site in members if igbp(site) is None]
    if unknown:
        sys.exit(
            f"configuration: error: many.studies: {study}: of {', '.join(unknown)} the IGBP class is not known before"
            f" the archive is read, expected sites.{unknown[0]}.metadata.igbp or a column igbp of sites_table"
        )
    for site in members:
        if not re.fullmatch("[A-Z]{3}", igbp(site)):
            sys.exit(f"configuration: error: {site}: igbp = {igbp(site)!r}, expected three capitals, as ENF")
    without = {"all": members} | {left: [site for site in members if site != left] for left in members}
    for left in dict.fromkeys(map(igbp, members)):
        others = [site for site in members if igbp(site) != left]
        if 0 < len(others) < len(members) - 1:
            without[left] = others
    return without


def trained_on(wildcards):
    """Input function: the sites of one training of one network; ends the run for a name that is no fold's."""
    found = folds(wildcards.study)
    if wildcards.fold not in found:
        sys.exit(
            f"run: error: results/{wildcards.study}/train_many/{wildcards.fold}: expected one of {', '.join(found)}"
        )
    return found[wildcards.fold]


def networks(study):
    """Label `fold/seed` and file of every network for many towers of a study."""
    return {
        f"{fold}/{seed}": f"results/{study}/train_many/{fold}/seed{seed}.eqx"
        for fold in folds(study)
        for seed in range(config["many"]["seeds"])
    }


def together(study):
    """The study, if one network is trained on its sites: not on those that are left when one failed."""
    complete = config["studies"][study] == studies[study] and study not in failed
    return [study] if study in config["many"]["studies"] and complete else []


def scores_of_sites(wildcards):
    """Input function: the scores of a study's sites; ends the run if it is to be of all and there is none."""
    members = config["studies"][wildcards.study]
    if not members:
        sys.exit(
            f"studies.{wildcards.study}: no archive of a tower in the folder {config['archives']}, put them there or"
            " name another, --config archives=FOLDER"
        )
    return expand("results/{site}/evaluate/scores.csv", site=members)


def told(places):
    """Options that tell which of `places`, sites or a study, failed, and why."""
    found = [place for place in dict.fromkeys(places) if place in failed]
    return [f"--missing {place}={shlex.quote(failed[place]['why'])}" for place in found]


def missing(wildcards):
    """Parameter function: the sites that a study's tables lack."""
    finished = config["studies"][wildcards.study]
    return told(site for site in studies[wildcards.study] if site not in finished)


def simulations_of_sites(wildcards):
    """Label and file of every simulation that a report shows: `site/bulk` and `site/model/seed`."""
    return {
        f"{site}/{label}": file
        for site in detailed(wildcards)
        for label, file in simulations(SimpleNamespace(site=site)).items()
    }


def of_sites(file):
    """Input function: a file of each site of a study."""
    return lambda wildcards: expand(file, site=config["studies"][wildcards.study])


def by_site(file, step="periods"):
    """Parameter function: a file of each site that a report shows and that has the step, as SITE=FILE."""
    return lambda wildcards: expand(f"{{site}}={file}", site=having(step, detailed(wildcards)))


def labelled_simulations(wildcards):
    """Parameter function: the simulations of a site as LABEL=FILE."""
    return [f"{label}={file}" for label, file in simulations(wildcards).items()]
