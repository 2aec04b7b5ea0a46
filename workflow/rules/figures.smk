FIGURES = ["timeseries", "diurnal", "seasonal", "scatter", "target", "closure", "soil", "water"]


rule figures:
    """Draw tower and models in the test period: fluxes, energy balance, soil, water."""
    input:
        observations=rules.forcing.output.observations,
        forcing=rules.forcing.output.forcing,
        simulations=lambda wildcards: plan.drawn(wildcards.site).values(),
        periods=proposed_periods,
        code=code("figures"),
    output:
        report(
            expand("results/{{site}}/figures/{figure}.png", figure=FIGURES),
            caption="../report/figures.rst",
            category="Figures",
            labels={"site": "{site}"},
        ),
        vector=expand("results/{{site}}/figures/{figure}.pdf", figure=FIGURES),
    log:
        "logs/{site}/figures.log",
    benchmark:
        "logs/{site}/figures.tsv"
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    params:
        simulations=lambda wildcards: labelled(plan.drawn(wildcards.site)),
        periods=period_options("test"),
    message:
        "{wildcards.site}: draw the figures"
    shell:
        "lad figures --site {wildcards.site} --observations {input.observations} --forcing {input.forcing}"
        " --simulation {params.simulations} {params.periods}"
        " --output-directory results/{wildcards.site}/figures 2>&1 | tee {log}"


rule response:
    """Draw the responses of flux laws to sun, dry air, root-zone water and season."""
    input:
        forcing=rules.forcing.output.forcing,
        simulation=rules.simulate_bulk.output,
        parameters=rules.calibrate.output.parameters,
        models=lambda wildcards: plan.trained_models(wildcards.site).values(),
        periods=proposed_periods,
        code=code("response"),
    output:
        table="results/{site}/response/response.csv",
        figure=report(
            "results/{site}/response/response.png",
            caption="../report/response.rst",
            category="Figures",
            labels={"site": "{site}"},
        ),
        vector="results/{site}/response/response.pdf",
    log:
        "logs/{site}/response.log",
    benchmark:
        "logs/{site}/response.tsv"
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        models=lambda wildcards: labelled(plan.trained_models(wildcards.site)),
        periods=period_options("train"),
    message:
        "{wildcards.site}: draw the responses of the flux laws"
    shell:
        "NPROC={threads} lad response --site {wildcards.site} --forcing {input.forcing}"
        " --simulation {input.simulation} --parameters {input.parameters} --model {params.models}"
        " {params.periods} --table {output.table} --figure {output.figure} 2>&1 | tee {log}"
