def shown(wildcards):
    """Section and file of what a report shows beside the scores."""
    return plan.reported_files(wildcards.study, snakemake_internals.marked_outputs(workflow))


def with_step(step, wildcards):
    """The sites that a report shows and that have the step."""
    return plan.having(step, plan.detailed(wildcards.study))


def by_site(file, step="periods"):
    """Parameter function: a file of each of these sites, as SITE=FILE."""
    return lambda wildcards: expand(f"{{site}}={file}", site=with_step(step, wildcards))


rule report:
    """Write the report of a study: one page with its tables, figures and plots, and what they were made from."""
    input:
        scores="results/{study}/scores.csv",
        differences="results/{study}/differences.csv",
        states="results/{study}/states.csv",
        citations="results/{study}/CITATIONS.txt",
        histories=lambda wildcards: plan.histories(wildcards.study).values(),
        sites=lambda wildcards: expand(
            [rules.forcing.output.observations, rules.forcing.output.forcing, rules.periods.output.periods],
            site=plan.detailed(wildcards.study),
        ),
        simulations=lambda wildcards: plan.reported_simulations(wildcards.study).values(),
        files=lambda wildcards: [file for _, file in shown(wildcards)],
        daemons=lambda wildcards: expand(rules.daemons.output.gains, site=with_step("daemons", wildcards)),
        landscape=lambda wildcards: expand(
            rules.landscape.output.summary, site=with_step("landscape", wildcards)
        ),
        pages=lambda wildcards: plan.pages(wildcards.study).values(),
        published="lad/evaluation/published.csv",
        assets=expand("lad/report/assets/page.{kind}", kind=["html", "css", "js"]),
        code=code("report"),
    output:
        page="results/{study}/report.html",
        conclusions="results/{study}/conclusions.md",
    log:
        "logs/{study}/report.log",
    benchmark:
        "logs/{study}/report.tsv"
    localrule: True
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        histories=lambda wildcards: labelled(plan.histories(wildcards.study)),
        observations=by_site(rules.forcing.output.observations),
        forcing=by_site(rules.forcing.output.forcing),
        periods=by_site(rules.periods.output.periods),
        simulations=lambda wildcards: labelled(plan.reported_simulations(wildcards.study)),
        files=lambda wildcards: ["=".join(pair) for pair in shown(wildcards)],
        daemons=by_site(rules.daemons.output.gains, "daemons"),
        landscape=by_site(rules.landscape.output.summary, "landscape"),
        pages=lambda wildcards: labelled(plan.pages(wildcards.study)),
        missing=lambda wildcards: failure_options([wildcards.study, *plan.studies[wildcards.study]]),
        settings=lambda wildcards: json.dumps(
            {
                name: config[name]
                for name in ("note", "models", "ensembles", "seeds", "calibration", "training", "simulation")
            }
            | ({"multi_site": config["multi_site"]} if plan.trains_network(wildcards.study) else {})
        ),
    message:
        "{wildcards.study}: write the report"
    shell:
        "lad report --study {wildcards.study} --scores {input.scores} --differences {input.differences}"
        " --states {input.states} --history {params.histories} --observations {params.observations}"
        " --forcing {params.forcing} --periods {params.periods} --simulation {params.simulations}"
        " --daemons {params.daemons} --landscape {params.landscape} --page {params.pages} --file {params.files} --citations {input.citations} --settings {params.settings:q} {params.missing} --output {output.page} --conclusions {output.conclusions}"
        " 2>&1 | tee {log}"
