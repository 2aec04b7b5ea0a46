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
    params:
        folder=archive_folder,
        patterns=archive_option,
        sites=sites_option,
    message:
        "{wildcards.site}: collect the archives"
    shell:
        "lad fetch --site {wildcards.site} {params.sites} --archives {params.folder:q} {params.patterns}"
        " --output results/{wildcards.site}/fetch 2>&1 | tee {log}"


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
            labels={"site": "{site}", "table": "gaps and how they were filled"},
        ),
    log:
        "logs/{site}/gapfill.log",
    benchmark:
        "logs/{site}/gapfill.tsv"
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        row=site_row,
        sites=sites_option,
    message:
        "{wildcards.site}: fill the gaps of the meteorology"
    shell:
        "lad gapfill --site {wildcards.site} {params.sites} --archive {input.archive}/*"
        " --output {output.tower} --report {output.report} 2>&1 | tee {log}"


rule forcing:
    """Write the model's forcing and the observed fluxes as CF netCDF."""
    input:
        tower=rules.gapfill.output.tower,
        code=code("forcing"),
    output:
        forcing="results/{site}/forcing/forcing.nc",
        observations="results/{site}/forcing/observations.nc",
    log:
        "logs/{site}/forcing.log",
    benchmark:
        "logs/{site}/forcing.tsv"
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=5,
    params:
        row=site_row,
        sites=sites_option,
    message:
        "{wildcards.site}: write forcing and observations"
    shell:
        "lad forcing --site {wildcards.site} {params.sites} --tower {input.tower}"
        " --output {output.forcing} --observations {output.observations} 2>&1 | tee {log}"
