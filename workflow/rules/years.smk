# Whole years left out: to choose models, sizes and levers, where a site has many years.


rule left_out:
    """Calibrate and train on some years of a site, and score on others."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=rules.forcing.output.observations,
        laws=[file for model in config["models"] for file in plan.law_module(model)],
        code=code("years"),
    output:
        scores="results/{site}/years/{fold}.csv",
        record="results/{site}/years/{fold}.json",
    log:
        "logs/{site}/years/{fold}.log",
    benchmark:
        "logs/{site}/years/{fold}.tsv"
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        periods=ends_run(lambda wildcards: plan.fold_options(wildcards.site, wildcards.fold)),
        calibration=shlex.quote(json.dumps(config["calibration"])),
        models=shlex.quote(json.dumps({"models": plan.all_models(), "ensembles": config["ensembles"]})),
        baselines=config["baselines"],
        simulation=simulation_options,
        seeds=config["seeds"],
    message:
        "{wildcards.site}: leave out {wildcards.fold}"
    shell:
        "NPROC={threads} lad years --site {wildcards.site} --forcing {input.forcing}"
        " --observations {input.observations} {params.periods} --calibration {params.calibration}"
        " --models {params.models} --baselines {params.baselines} {params.simulation} --seeds {params.seeds} --output {output.scores} 2>&1 | tee {log}"


rule years_table:
    """Write the table of a site's years left out."""
    input:
        scores=lambda wildcards: plan.left_out(wildcards.site).values(),
        code=code("years_table"),
    output:
        "results/{site}/years/table.md",
    log:
        "logs/{site}/years/table.log",
    localrule: True
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        scores=lambda wildcards: labelled(plan.left_out(wildcards.site)),
    message:
        "{wildcards.site}: write the table of years left out"
    shell:
        "lad years-table --site {wildcards.site} --scores {params.scores} --output {output} 2>&1 | tee {log}"


# A rule with a command and no output runs each time it is asked for.
rule years:
    """Print the tables of all sites with years to leave out."""
    input:
        tables=expand(rules.years_table.output, site=config["years"]),
    log:
        "logs/years.log",
    localrule: True
    message:
        "years left out: the tables"
    shell:
        "cat {input.tables} /dev/null 2>&1 | tee {log}"
