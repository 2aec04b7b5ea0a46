rule simulate:
    """Run all seeds of a trained hybrid freely over the whole record: in one job, which compiles the run once."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=prescribed_radiation,
        models=rules.train.output.models,
        code=code("simulate"),
    output:
        expand("results/{{site}}/simulate/{{model}}/seed{seed}.nc", seed=range(config["seeds"])),
    log:
        "logs/{site}/simulate/{model}.log",
    benchmark:
        "logs/{site}/simulate/{model}.tsv"
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        model=lambda wildcards, input: f"--model {input.models}",
        passes=config["simulation"]["spinup_passes"],
        radiation=radiation_option,
        integrator=config["simulation"]["integrator"],
    message:
        "{wildcards.site}: simulate with {wildcards.model}"
    shell:
        "NPROC={threads} lad simulate --forcing {input.forcing} {params.model} {params.radiation}"
        " --spinup-passes {params.passes} --integrator {params.integrator}"
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
    message:
        "{wildcards.site}: simulate with the calibrated LaD"


rule combine:
    """The mean of several models of a site, with weights by the validation periods."""
    input:
        observations=rules.forcing.output.observations,
        simulations=lambda wildcards: plan.members_of(wildcards.site, wildcards.ensemble).values(),
        periods=proposed_periods,
        code=code("combine"),
    output:
        mean="results/{site}/combine/{ensemble}.nc",
        weights="results/{site}/combine/{ensemble}.csv",
    log:
        "logs/{site}/combine/{ensemble}.log",
    benchmark:
        "logs/{site}/combine/{ensemble}.tsv"
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    params:
        simulations=lambda wildcards: labelled(plan.members_of(wildcards.site, wildcards.ensemble)),
        periods=period_options("validation"),
    message:
        "{wildcards.site}: combine the models of {wildcards.ensemble}"
    shell:
        "lad combine --site {wildcards.site} --observations {input.observations} --simulation {params.simulations}"
        " {params.periods} --output {output.mean} --weights {output.weights} 2>&1 | tee {log}"


rule export:
    """Export runs of a model, a mean of models or a baseline for modelevaluation.org; made only when asked for."""
    input:
        forcing=rules.forcing.output.forcing,
        simulations=lambda wildcards: plan.of_models(plan.scored(wildcards.site), wildcards.name).values(),
        models=lambda wildcards: plan.of_models(plan.trained_models(wildcards.site), wildcards.name).values(),
        parameters=lambda wildcards: rules.calibrate.output.parameters if wildcards.name == "bulk" else [],
        code=code("export"),
    output:
        "results/{site}/export/{name}.nc",
    log:
        "logs/{site}/export/{name}.log",
    benchmark:
        "logs/{site}/export/{name}.tsv"
    wildcard_constraints:
        name="|".join(["bulk", *config["models"], *config["ensembles"], *config["baselines"]]),
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    params:
        what=lambda wildcards, input: (
            f"--parameters {input.parameters}"
            if input.parameters
            else f"--model {input.models}" if input.models else ""
        ),
    message:
        "{wildcards.site}: export {wildcards.name}"
    shell:
        "lad export --site {wildcards.site} --model-name {wildcards.name} --forcing {input.forcing}"
        " --simulation {input.simulations} {params.what} --output {output} 2>&1 | tee {log}"


rule evaluate:
    """Score all simulations of a site on the measured half-hours of the test period."""
    input:
        observations=rules.forcing.output.observations,
        forcing=rules.forcing.output.forcing,
        simulations=lambda wildcards: plan.scored(wildcards.site).values(),
        periods=proposed_periods,
        code=code("evaluate"),
    output:
        scores="results/{site}/evaluate/scores.csv",
        differences="results/{site}/evaluate/differences.csv",
        intervals=report(
            "results/{site}/evaluate/intervals.csv",
            caption="../report/evaluate.rst",
            category="Scores",
            labels={"site": "{site}", "content": "scores with intervals"},
        ),
        strata=report(
            "results/{site}/evaluate/strata.csv",
            caption="../report/evaluate.rst",
            category="Scores",
            labels={"site": "{site}", "content": "scores by stratum"},
        ),
        table="results/{site}/evaluate/strata.md",
        record="results/{site}/evaluate/scores.json",
    log:
        "logs/{site}/evaluate.log",
    benchmark:
        "logs/{site}/evaluate.tsv"
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    params:
        simulations=lambda wildcards: labelled(plan.scored(wildcards.site)),
        periods=period_options(*NAMES),
    message:
        "{wildcards.site}: score the simulations"
    shell:
        "lad evaluate --site {wildcards.site} --observations {input.observations} --forcing {input.forcing}"
        " --simulation {params.simulations} {params.periods} --output {output.scores}"
        " --differences {output.differences} --intervals {output.intervals} --strata {output.strata} 2>&1 | tee {log}"


use rule evaluate as confirm with:
    output:
        scores="results/{site}/confirm/scores.csv",
        differences="results/{site}/confirm/differences.csv",
        intervals="results/{site}/confirm/intervals.csv",
        strata="results/{site}/confirm/strata.csv",
        table="results/{site}/confirm/strata.md",
        record="results/{site}/confirm/scores.json",
    log:
        "logs/{site}/confirm.log",
    benchmark:
        "logs/{site}/confirm.tsv"
    params:
        simulations=lambda wildcards: labelled(plan.scored(wildcards.site)),
        periods=ends_run(lambda wildcards: plan.period_options(wildcards.site, NAMES, "confirmation")),
    message:
        "{wildcards.site}: score the simulations in the confirmation periods"


rule confirmation_table:
    """Write the scores in the confirmation periods, of all sites that have some."""
    input:
        scores=ends_run(lambda wildcards: expand(rules.confirm.output.scores, site=plan.with_confirmation())),
        code=code("gather"),
    output:
        scores="results/confirmation.csv",
        record="results/confirmation.json",
        table="results/confirmation.md",
    log:
        "logs/confirmation_table.log",
    localrule: True
    resources:
        mem_mb=1000,
        runtime=5,
    message:
        "confirmation: write the table"
    shell:
        "lad gather --scores {input.scores} --title 'Scores in the confirmation periods' --output {output.scores} --table {output.table} 2>&1 | tee {log}"


# A rule with a command and no output runs each time it is asked for.
rule confirmation:
    """Print the scores in the confirmation periods."""
    input:
        rules.confirmation_table.output.table,
    log:
        "logs/confirmation.log",
    localrule: True
    message:
        "confirmation: the table"
    shell:
        "cat {input} 2>&1 | tee {log}"


rule sanity:
    """Check the simulations of a site: drift, budgets, water, temperature, soil sensors."""
    input:
        observations=rules.forcing.output.observations,
        forcing=rules.forcing.output.forcing,
        parameters=rules.calibrate.output.parameters,
        simulations=lambda wildcards: plan.simulations(wildcards.site).values(),
        models=lambda wildcards: plan.trained_models(wildcards.site).values(),
        periods=proposed_periods,
        code=code("sanity"),
    output:
        report(
            "results/{site}/sanity/sanity.csv",
            caption="../report/sanity.rst",
            category="Scores",
            labels={"site": "{site}", "content": "physical sanity"},
        ),
    log:
        "logs/{site}/sanity.log",
    benchmark:
        "logs/{site}/sanity.tsv"
    resources:
        mem_mb=growing(8000),
        runtime=growing(30),
    params:
        simulations=lambda wildcards: labelled(plan.simulations(wildcards.site)),
        models=lambda wildcards: labelled(plan.trained_models(wildcards.site)),
        periods=period_options("test"),
        radiation=radiation_option,
    message:
        "{wildcards.site}: check the simulations"
    shell:
        "NPROC={threads} lad sanity --site {wildcards.site} --observations {input.observations}"
        " --forcing {input.forcing} --parameters {input.parameters} --simulation {params.simulations}"
        " --model {params.models} {params.periods} {params.radiation} --output {output} 2>&1 | tee {log}"


@ends_run
def scores_of_sites(wildcards):
    """Input function: the scores of a study's sites."""
    return expand(rules.evaluate.output.scores, site=plan.gathered(wildcards.study))


rule gather:
    """Gather the scores of a study's sites and write its table."""
    input:
        scores=scores_of_sites,
        sources=of_sites(rules.fetch.output.source),
        code=code("gather"),
    output:
        scores=report(
            "results/{study}/scores.csv",
            caption="../report/gather.rst",
            category="Scores",
            labels={"study": "{study}"},
        ),
        record="results/{study}/scores.json",
        table="results/{study}/table.md",
        citations="results/{study}/CITATIONS.txt",
    log:
        "logs/{study}/gather.log",
    benchmark:
        "logs/{study}/gather.tsv"
    localrule: True
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        missing=missing,
    message:
        "{wildcards.study}: write the table"
    shell:
        "lad gather --scores {input.scores} --sources {input.sources} --output {output.scores}"
        " --table {output.table} --citations {output.citations} {params.missing} 2>&1 | tee {log}"


rule curves:
    """Draw the courses of a study's trainings, and list their lowest validation losses."""
    input:
        histories=lambda wildcards: plan.histories(wildcards.study).values(),
        code=code("curves"),
    output:
        figure=report(
            "results/{study}/learning.png",
            caption="../report/curves.rst",
            category="Learning",
            labels={"study": "{study}", "content": "learning curves"},
        ),
        vector="results/{study}/learning.pdf",
        table="results/{study}/validation.md",
    log:
        "logs/{study}/curves.log",
    benchmark:
        "logs/{study}/curves.tsv"
    localrule: True
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        histories=lambda wildcards: labelled(plan.histories(wildcards.study)),
        missing=missing,
    message:
        "{wildcards.study}: draw the learning curves"
    shell:
        "lad curves --history {params.histories} --figure {output.figure} --table {output.table}"
        " {params.missing} 2>&1 | tee {log}"


rule towers:
    """Show what the many towers of a study are, and the skill of the models by their type of vegetation."""
    input:
        forcing=of_sites(rules.forcing.output.forcing),
        scores="results/{study}/scores.csv",
        code=code("towers"),
    output:
        towers=report(
            "results/{study}/towers.csv",
            caption="../report/towers.rst",
            category="Scores",
            labels={"study": "{study}", "content": "towers"},
        ),
        figures=report(
            expand("results/{{study}}/{name}.png", name=["towers", "by_type"]),
            caption="../report/towers.rst",
            category="Scores",
            labels={"study": "{study}", "content": "towers"},
        ),
        vector=expand("results/{{study}}/{name}.pdf", name=["towers", "by_type"]),
    log:
        "logs/{study}/towers.log",
    benchmark:
        "logs/{study}/towers.tsv"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10, 1),
    params:
        forcing=lambda wildcards: [
            f"{site}=results/{site}/forcing/forcing.nc" for site in plan.members[wildcards.study]
        ],
        folder=lambda wildcards, output: Path(output.towers).parent,
    message:
        "{wildcards.study}: show the towers"
    shell:
        "lad towers --forcing {params.forcing} --scores {input.scores} --output-directory {params.folder} 2>&1 | tee {log}"


rule overview:
    """A study as a whole: published numbers, seeds, gains, states, all models in one figure."""
    input:
        scores=rules.gather.output.scores,
        differences=of_sites(rules.evaluate.output.differences),
        intervals=of_sites(rules.evaluate.output.intervals),
        transfer=rules.transfer.output.scores,
        published="lad/evaluation/published.csv",
        code=code("overview"),
    output:
        errors=report(
            "results/{study}/rmse.png",
            caption="../report/overview.rst",
            category="Scores",
            labels={"study": "{study}", "content": "RMSE of all models"},
        ),
        errors_vector="results/{study}/rmse.pdf",
        figure=report(
            "results/{study}/ablation.png",
            caption="../report/overview.rst",
            category="Scores",
            labels={"study": "{study}", "content": "all models"},
        ),
        vector="results/{study}/ablation.pdf",
        ranks=report(
            "results/{study}/ranks.csv",
            caption="../report/overview.rst",
            category="Scores",
            labels={"study": "{study}", "content": "ranks"},
        ),
        tables=expand(
            "results/{{study}}/{name}",
            name=[
                *("published.md", "seeds.md", "gains.md", "differences.csv"),
                *("states.md", "states.csv", "ranks.md"),
            ],
        ),
    log:
        "logs/{study}/overview.log",
    benchmark:
        "logs/{study}/overview.tsv"
    localrule: True
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        states=[f"{blind}={seeing}" for blind, seeing in plan.knock_outs().items()],
        missing=missing,
    message:
        "{wildcards.study}: write the overview"
    shell:
        "lad overview --scores {input.scores} --differences {input.differences} --intervals {input.intervals}"
        " --transfer {input.transfer}"
        " --states {params.states} {params.missing}"
        " --output-directory results/{wildcards.study} 2>&1 | tee {log}"
