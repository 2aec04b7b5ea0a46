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
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
        # No parameter: a service that moved makes nothing anew.
        services=service_options,
    params:
        folder=archive_folder,
        patterns=archive_option,
        sizes=archive_sizes,
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
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        row=site_row,
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
        lai=lai_file,
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
    conda:
        "../../envs/lad.yaml"
    threads: 1
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
    log:
        "logs/{site}/periods.log",
    benchmark:
        "logs/{site}/periods.tsv"
    priority: 1  # before the fits: it shows at once on what days they cannot be fitted on
    localrule: True
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        periods=lambda wildcards: ("" if proposed_periods(wildcards) else period_options(*NAMES)(wildcards)),
    message:
        "{wildcards.site}: fix the periods"
    shell:
        "lad periods --site {wildcards.site} --forcing {input.forcing} --observations {input.observations}"
        " {params.periods} --output {output.periods} --table {output.table} --shifts {output.shifts} 2>&1 | tee {log}"
