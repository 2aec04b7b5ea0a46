import atexit

from lad.towers.archives import find_archives, missing_message
from lad.towers.fetch import source_file

# What to do by site; shown for all sites at once, before the first job or after a dry run.
missing_archives = {}


def archive_patterns(wildcards):
    """File names of the site's archives where the configuration restricts them, with * and ?."""
    return config["sites"][wildcards.site].get("archive", [])


def archives(wildcards):
    """Input function: the site's archives in the user's folder and in data/; without any, the step downloads them.

    What it downloaded is not an input: as a new input in the next run, it would make everything run again.
    """
    site, patterns = wildcards.site, archive_patterns(wildcards)
    found = find_archives(site, [config["archives"], "data"], patterns)
    if not found and site not in missing_archives:
        missing_archives[site] = missing_message(site, config["archives"], patterns)
    return [str(path) for path in found if not source_file(path).exists()]


def missing_text():
    """What to do about missing archives, a line each."""
    lines = sorted(missing_archives.values())
    if lines and not Path(config["archives"]).is_dir():
        lines.insert(0, f"archives: {config['archives']}: no such folder, it will be made for downloads")
    return "\n".join(lines)


@atexit.register
def print_missing_of_dry_run():
    """A dry run has no onstart; it prints this last, below its hundreds of jobs."""
    if missing_archives and snakemake_internals.is_dry_run(workflow):
        print(
            "archives: a run first tries to download what is missing",
            missing_text(),
            sep="\n",
            file=sys.stderr,
        )


def archive_folder(wildcards, input):
    """Parameter function: the folder of the archives; without any, the user's folder, for messages."""
    return str(Path(input.archives[0]).parent) if input.archives else config["archives"]


def reachable(url):
    """Whether a server answers at all; asked only when an archive is missing."""
    import requests

    try:
        requests.get(url, timeout=5, stream=True).close()
    except requests.RequestException:
        return False
    return True


def service_options(wildcards):
    """Resource function: options that name the download services."""
    given = {name: value for name, value in config["fetch"].items() if value is not False}
    pairs = [(f"--{name}",) if value is True else (f"--{name}", str(value)) for name, value in given.items()]
    return shlex.join(word for pair in pairs for word in pair)


def site_options(wildcards):
    """Parameter function: options that name the user's table of sites, for the sites in it, and the site's own metadata."""
    table = ["--sites", config["sites_table"]] if wildcards.site in own_sites else []
    metadata = config["sites"][wildcards.site].get("metadata", {})
    pairs = [word for name, value in metadata.items() for word in ("--metadata", f"{name}={value}")]
    return shlex.join(table + pairs)


rule fetch:
    """Collect the site's archives: found in a folder, or downloaded."""
    input:
        archives=archives,
        code=code("fetch"),
    output:
        archive=directory("results/{site}/fetch/archive"),
        source="results/{site}/fetch/source.json",
    log:
        "logs/{site}/fetch.log",
    benchmark:
        "logs/{site}/fetch.tsv"
    localrule: True
    resources:
        mem_mb=500,
        runtime=10,
        # No parameter: a service that moved reruns nothing.
        services=service_options,
    params:
        folder=archive_folder,
        patterns=lambda wildcards: [f"--archive {shlex.quote(name)}" for name in archive_patterns(wildcards)],
        # A replaced archive also counts if its date is older than that of the results.
        sizes=lambda wildcards: [os.path.getsize(path) for path in archives(wildcards)],
        site=site_options,
    message:
        "{wildcards.site}: collect the archives"
    shell:
        "lad fetch --site {wildcards.site} {params.site} --archives {params.folder:q} {params.patterns}"
        " {resources.services} --output results/{wildcards.site}/fetch 2>&1 | tee {log}"


rule gapfill:
    """Read the tower's record and fill the gaps of its meteorology."""
    input:
        # A folder has no checksum, only a date; source.json has the checksums of what is in it.
        archive=ancient(rules.fetch.output.archive),
        source=rules.fetch.output.source,
        code=code("gapfill"),
    output:
        tower="results/{site}/gapfill/tower.nc",
        report=report(
            "results/{site}/gapfill/report.csv",
            caption="../report/gapfill.rst",
            category="Data",
            labels={"site": "{site}", "content": "gaps and how they were filled, table"},
        ),
        picture=report(
            "results/{site}/gapfill/gaps.png",
            caption="../report/gapfill.rst",
            category="Data",
            labels={"site": "{site}", "content": "gaps and how they were filled"},
        ),
    log:
        "logs/{site}/gapfill.log",
    benchmark:
        "logs/{site}/gapfill.tsv"
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        row=lambda wildcards: plan.row(wildcards.site),  # so that a change of it reruns this site alone
        site=site_options,
    message:
        "{wildcards.site}: fill the gaps"
    shell:
        "lad gapfill --site {wildcards.site} {params.site} --archive {input.archive}/*"
        " --output {output.tower} --report {output.report} --picture {output.picture} 2>&1 | tee {log}"


rule forcing:
    """Write the model's forcing and the observed fluxes as CF netCDF."""
    input:
        tower=rules.gapfill.output.tower,
        lai=lambda wildcards: config["sites"][wildcards.site].get("lai", []),
        code=code("forcing"),
    output:
        forcing="results/{site}/forcing/forcing.nc",
        observations="results/{site}/forcing/observations.nc",
        picture=report(
            "results/{site}/forcing/forcing.png",
            caption="../report/forcing.rst",
            category="Data",
            labels={"site": "{site}", "content": "forcing"},
        ),
    log:
        "logs/{site}/forcing.log",
    benchmark:
        "logs/{site}/forcing.tsv"
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    params:
        lai=lambda wildcards, input: f"--lai {shlex.quote(str(input.lai))}" if input.lai else "",
    message:
        "{wildcards.site}: write forcing and observations"
    shell:
        "lad forcing --site {wildcards.site} --tower {input.tower} {params.lai}"
        " --output {output.forcing} --observations {output.observations} --picture {output.picture} 2>&1 | tee {log}"


rule periods:
    """Fix training, validation and test periods: those of the settings, else proposed ones."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=rules.forcing.output.observations,
        code=code("periods"),
    output:
        periods="results/{site}/periods/periods.json",
        table=report(
            "results/{site}/periods/periods.csv",
            caption="../report/periods.rst",
            category="Data",
            labels={"site": "{site}", "content": "periods and energy balance, table"},
        ),
        shifts=report(
            "results/{site}/periods/shifts.csv",
            caption="../report/periods.rst",
            category="Data",
            labels={"site": "{site}", "content": "forcing in test against training, table"},
        ),
        root_zone=report(
            "results/{site}/periods/mass_curve.png",
            caption="../report/periods.rst",
            category="Data",
            labels={"site": "{site}", "content": "water that the root zone must hold"},
        ),
        vector="results/{site}/periods/mass_curve.pdf",
    log:
        "logs/{site}/periods.log",
    benchmark:
        "logs/{site}/periods.tsv"
    priority: 1  # before the fits: it shows at once which days lack data
    localrule: True
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        periods=lambda wildcards: (
            "" if plan.proposes_periods(wildcards.site) else plan.period_options(wildcards.site, NAMES)
        ),
    message:
        "{wildcards.site}: fix the periods"
    shell:
        "lad periods --site {wildcards.site} --forcing {input.forcing} --observations {input.observations}"
        " {params.periods} --output {output.periods} --table {output.table} --shifts {output.shifts}"
        " --mass-curve {output.root_zone} 2>&1 | tee {log}"
