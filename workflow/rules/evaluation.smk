rule simulate:
    """Run one trained hybrid freely over the whole record."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=prescribed_radiation,
        model="results/{site}/train/{model}/seed{seed}.eqx",
        code=code("simulate"),
    output:
        "results/{site}/simulate/{model}/seed{seed}.nc",
    log:
        "logs/{site}/simulate/{model}_seed{seed}.log",
    benchmark:
        "logs/{site}/simulate/{model}_seed{seed}.tsv"
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        model=lambda wildcards, input: f"--model {input.model}",
        passes=config["simulation"]["spinup_passes"],
        radiation=radiation_option,
        integrator=config["simulation"]["integrator"],
        steps=config["simulation"]["steps_per_interval"],
    message:
        "{wildcards.site}: simulate with {wildcards.model}, seed {wildcards.seed}"
    shell:
        "NPROC={threads} lad simulate --forcing {input.forcing} {params.model} {params.radiation}"
        " --spinup-passes {params.passes} --integrator {params.integrator} --steps-per-interval {params.steps}"
        " --output {output} 2>&1 | tee {log}"


use rule simulate as simulate_bulk with:
    input:
        forcing=rules.forcing.output.forcing,
        observations=prescribed_radiation,
        parameters=rules.calibrate.output.parameters,
        code=code("simulate"),
    output:
        "results/{site}/simulate/bulk.nc",
    log:
        "logs/{site}/simulate/bulk.log",
    benchmark:
        "logs/{site}/simulate/bulk.tsv"
    params:
        model=lambda wildcards, input: f"--parameters {input.parameters}",
        passes=config["simulation"]["spinup_passes"],
        radiation=radiation_option,
        integrator=config["simulation"]["integrator"],
        steps=config["simulation"]["steps_per_interval"],
    message:
        "{wildcards.site}: simulate with the calibrated LaD"


rule evaluate:
    """Score all simulations of a site on the measured half-hours of the test period."""
    input:
        observations=rules.forcing.output.observations,
        forcing=rules.forcing.output.forcing,
        simulations=lambda wildcards: simulations(wildcards).values(),
        periods=proposed_periods,
        code=code("evaluate"),
    output:
        scores="results/{site}/evaluate/scores.csv",
        differences="results/{site}/evaluate/differences.csv",
        record="results/{site}/evaluate/scores.json",
    log:
        "logs/{site}/evaluate.log",
    benchmark:
        "logs/{site}/evaluate.tsv"
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=5,
    params:
        simulations=labelled_simulations,
        periods=period_options(*NAMES),
    message:
        "{wildcards.site}: score the simulations"
    shell:
        "lad evaluate --site {wildcards.site} --observations {input.observations} --forcing {input.forcing}"
        " --simulation {params.simulations} {params.periods} --output {output.scores}"
        " --differences {output.differences} 2>&1 | tee {log}"


rule compare:
    """Gather the scores of a study's sites and write its table."""
    input:
        scores=lambda wildcards: expand(rules.evaluate.output.scores, site=config["studies"][wildcards.study]),
        sources=lambda wildcards: expand(rules.fetch.output.source, site=config["studies"][wildcards.study]),
        code=code("compare"),
    output:
        scores=report(
            "results/{study}/scores.csv",
            caption="../report/compare.rst",
            category="Scores",
            labels={"study": "{study}"},
        ),
        record="results/{study}/scores.json",
        table="results/{study}/table.md",
        citations="results/{study}/CITATIONS.txt",
    log:
        "logs/{study}/compare.log",
    benchmark:
        "logs/{study}/compare.tsv"
    localrule: True
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    message:
        "{wildcards.study}: write the table"
    shell:
        "lad compare --scores {input.scores} --sources {input.sources} --output {output.scores}"
        " --table {output.table} --citations {output.citations} 2>&1 | tee {log}"
