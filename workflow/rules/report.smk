rule report:
    """Write the report of a study: one page with its tables, figures and plots, and what they were made from."""
    input:
        scores="results/{study}/scores.csv",
        differences="results/{study}/differences.csv",
        states="results/{study}/states.csv",
        citations="results/{study}/CITATIONS.txt",
        histories=lambda wildcards: histories(wildcards).values(),
        sites=lambda wildcards: expand(
            [rules.forcing.output.observations, rules.forcing.output.forcing, rules.periods.output.periods],
            site=detailed(wildcards),
        ),
        simulations=lambda wildcards: simulations_of_sites(wildcards).values(),
        files=lambda wildcards: [file for _, file in shown(wildcards)],
        daemons=lambda wildcards: expand(
            rules.daemons.output.gains, site=having("daemons", detailed(wildcards))
        ),
        landscape=lambda wildcards: expand(
            rules.landscape.output.summary, site=having("landscape", detailed(wildcards))
        ),
        pages=lambda wildcards: pages(wildcards).values(),
        published="lad/evaluation/published.csv",
        assets=expand("lad/report/assets/page.{kind}", kind=["html", "css", "js"]),
        code=code("report"),
    output:
        "results/{study}/report.html",
    log:
        "logs/{study}/report.log",
    benchmark:
        "logs/{study}/report.tsv"
    localrule: True
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        histories=lambda wildcards: [f"{label}={file}" for label, file in histories(wildcards).items()],
        observations=by_site(rules.forcing.output.observations),
        forcing=by_site(rules.forcing.output.forcing),
        periods=by_site(rules.periods.output.periods),
        simulations=lambda wildcards: [
            f"{label}={file}" for label, file in simulations_of_sites(wildcards).items()
        ],
        files=lambda wildcards: ["=".join(pair) for pair in shown(wildcards)],
        daemons=by_site(rules.daemons.output.gains, "daemons"),
        landscape=by_site(rules.landscape.output.summary, "landscape"),
        pages=lambda wildcards: ["=".join(pair) for pair in pages(wildcards).items()],
        missing=lambda wildcards: told([wildcards.study, *studies[wildcards.study]]),
        settings=lambda wildcards: json.dumps(
            {name: config[name] for name in ("models", "seeds", "calibration", "training", "simulation")}
            | ({"many": config["many"]} if together(wildcards.study) else {})
        ),
    message:
        "{wildcards.study}: write the report"
    shell:
        "lad report --study {wildcards.study} --scores {input.scores} --differences {input.differences}"
        " --states {input.states} --history {params.histories} --observations {params.observations}"
        " --forcing {params.forcing} --periods {params.periods} --simulation {params.simulations}"
        " --daemons {params.daemons} --landscape {params.landscape} --page {params.pages} --file {params.files} --citations {input.citations} --settings {params.settings:q} {params.missing} --output {output}"
        " 2>&1 | tee {log}"
