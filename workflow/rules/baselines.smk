from lad.evaluation.models import BASELINES, SEEDED_BASELINES


rule baselines:
    """Fit an empirical baseline to a site's training half-hours, and run it over the record."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=rules.forcing.output.observations,
        periods=proposed_periods,
        code=code("baselines"),
    output:
        "results/{site}/baselines/{baseline}.nc",
    log:
        "logs/{site}/baselines/{baseline}.log",
    benchmark:
        "logs/{site}/baselines/{baseline}.tsv"
    wildcard_constraints:
        baseline="|".join(name for name in BASELINES if name not in SEEDED_BASELINES),
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    params:
        periods=period_options("train", "validation"),
        seeds=1,
    message:
        "{wildcards.site}: fit the baseline {wildcards.baseline}"
    shell:
        "NPROC={threads} lad baselines --name {wildcards.baseline} --forcing {input.forcing}"
        " --observations {input.observations} {params.periods} --seeds {params.seeds}"
        " --output-directory results/{wildcards.site}/baselines 2>&1 | tee {log}"


use rule baselines as baselines_of_seeds with:
    output:
        expand("results/{{site}}/baselines/{{baseline}}/seed{seed}.nc", seed=range(config["seeds"])),
    wildcard_constraints:
        baseline="|".join(SEEDED_BASELINES),
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        periods=period_options("train", "validation"),
        seeds=config["seeds"],


rule transfer:
    """Score the empirical models of PLUMBER at each site of a study, fitted on its other sites."""
    input:
        forcing=of_sites(rules.forcing.output.forcing),
        observations=of_sites(rules.forcing.output.observations),
        periods=of_sites(rules.periods.output.periods),
        code=code("transfer"),
    output:
        scores=report(
            "results/{study}/transfer.csv",
            caption="../report/transfer.rst",
            category="Scores",
            labels={"study": "{study}", "content": "fitted on the other sites"},
        ),
        record="results/{study}/transfer.json",
    log:
        "logs/{study}/transfer.log",
    benchmark:
        "logs/{study}/transfer.tsv"
    resources:
        mem_mb=growing(2000, 100),
        runtime=growing(10, 1),
    params:
        sites=lambda wildcards: plan.members[wildcards.study],
    message:
        "{wildcards.study}: fit the baselines of each site to the other sites, if any"
    shell:
        "lad transfer --site {params.sites} --forcing {input.forcing} --observations {input.observations}"
        " --periods {input.periods} --output {output.scores} 2>&1 | tee {log}"
