rule figures:
    """Draw simulated and observed fluxes of the test period."""
    input:
        observations=rules.forcing.output.observations,
        forcing=rules.forcing.output.forcing,
        simulations=lambda wildcards: simulations(wildcards).values(),
        periods=proposed_periods,
        code=code("figures"),
    output:
        report(
            expand("results/{{site}}/figures/{figure}.png", figure=["timeseries", "diurnal", "scatter"]),
            caption="../report/figures.rst",
            category="Figures",
            labels={"site": "{site}"},
        ),
    log:
        "logs/{site}/figures.log",
    benchmark:
        "logs/{site}/figures.tsv"
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=5,
    params:
        simulations=labelled_simulations,
        periods=period_options("test"),
    message:
        "{wildcards.site}: draw the figures"
    shell:
        "lad figures --site {wildcards.site} --observations {input.observations} --forcing {input.forcing}"
        " --simulation {params.simulations} {params.periods}"
        " --output-directory results/{wildcards.site}/figures 2>&1 | tee {log}"
